/** Files and folders of the node, behind the door that is host.ts. Nothing but regular files is read. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { lstat, open, opendir, stat } from 'node:fs/promises';

export type ReadResult =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly kind: 'absent' | 'not-permitted' | 'too-long' | 'failed'; readonly message: string };

export type EntryKind = 'file' | 'folder' | 'link' | 'other';

export type ListResult =
  | {
      readonly ok: true;
      /** By name, as Go's sort.Strings orders them for a container runtime. */
      readonly entries: readonly { readonly name: string; readonly kind: EntryKind }[];
    }
  | { readonly ok: false; readonly kind: 'absent' | 'not-permitted' | 'too-long' | 'failed'; readonly message: string };

/** One file, whatever its names: the numbers by which the kernel knows it, as /proc/locks prints them. */
export interface FileIdentity {
  /** `00:19`: major and minor number of its device, hexadecimal. */
  readonly device: string;
  readonly inode: string;
}

/** Which file lies at a path; null when none does, or it cannot be told. */
export async function identifyFile(path: string): Promise<FileIdentity | null> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    // makedev(3): twelve bits of major number between the two parts of the minor one.
    const major = (dev >> 8n) & 0xfffn;
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
    return { device: [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':'), inode: String(ino) };
  } catch {
    return null;
  }
}

/** Lists a folder, `too-long` beyond so many names. A folder that is itself a symbolic link is not followed. */
export async function listFolder(path: string, maxNames: number): Promise<ListResult> {
  try {
    if ((await lstat(path)).isSymbolicLink()) {
      return isLink(path);
    }
    const entries: { readonly name: string; readonly kind: EntryKind }[] = [];
    for await (const entry of await opendir(path)) {
      if (entries.length === maxNames) {
        return { ok: false, kind: 'too-long', message: `${path} holds more than ${maxNames} names` };
      }
      const { name } = entry;
      const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other';
      entries.push({ name, kind });
    }
    return { ok: true, entries: byName(entries) };
  } catch (cause) {
    return notRead(path, cause);
  }
}

/** The entries of a folder that are regular files with the right to run them, or links to such. */
export async function listExecutables(path: string, maxNames: number): Promise<ListResult> {
  const listed = await listFolder(path, maxNames);
  if (!listed.ok) return listed;
  const runnable = await Promise.all(listed.entries.map(({ name }) => canBeRun(`${path}/${name}`)));
  return { ok: true, entries: listed.entries.filter((_entry, at) => runnable[at]) };
}

async function canBeRun(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() && (found.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** Sorts by the bytes of the names. */
export function byName<T extends { readonly name: string }>(entries: readonly T[]): readonly T[] {
  return entries.toSorted((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)));
}

/**
 * Reads a regular file whole. Files of /proc have no size, so one byte more than allowed is asked for. The last step of
 * the path must be no symbolic link: it may lead to what the agent must not read. O_NONBLOCK: a pipe must not hang us.
 */
export async function readFile(path: string, maxBytes: number): Promise<ReadResult> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    if (!(await file.stat()).isFile()) return { ok: false, kind: 'failed', message: `${path} is no regular file` };
    const pieces: Buffer[] = [];
    let total = 0;
    while (total <= maxBytes) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(65536, maxBytes + 1 - total)));
      if (bytesRead === 0) return { ok: true, bytes: Buffer.concat(pieces) };
      pieces.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
    return { ok: false, kind: 'too-long', message: `${path} is longer than ${maxBytes} bytes` };
  } catch (cause) {
    return notRead(path, cause);
  }
}

/** So long nothing else runs while files of the kernel are read. */
const longestHoldMs = 10;
const pieceBytes = 65536;

/**
 * Reads many small files of /proc, each at most `maxBytes`. Nothing of them lies on a disk, so none is waited for: that
 * costs a tenth of what `readFile` does (10 against 160 microseconds each).
 */
export async function readKernelFiles(paths: readonly string[], maxBytes: number): Promise<readonly ReadResult[]> {
  const results: ReadResult[] = [];
  const piece = Buffer.allocUnsafe(Math.min(pieceBytes, maxBytes + 1));
  let heldSinceMs = performance.now();
  for (const path of paths) {
    results.push(readAtOnce(path, maxBytes, piece));
    if (performance.now() - heldSinceMs > longestHoldMs) {
      await new Promise((resume) => setImmediate(resume));
      heldSinceMs = performance.now();
    }
  }
  return results;
}

function readAtOnce(path: string, maxBytes: number, piece: Buffer): ReadResult {
  let fd: number | null = null;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const pieces: Buffer[] = [];
    for (let total = 0; total <= maxBytes; ) {
      const bytesRead = readSync(fd, piece);
      if (bytesRead === 0) return { ok: true, bytes: Buffer.concat(pieces) };
      pieces.push(Buffer.from(piece.subarray(0, bytesRead)));
      total += bytesRead;
    }
    return { ok: false, kind: 'too-long', message: `${path} is longer than ${maxBytes} bytes` };
  } catch (cause) {
    return notRead(path, cause);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

function isLink(path: string) {
  return { ok: false, kind: 'failed', message: `${path} is a symbolic link, which is not followed` } as const;
}

function notRead(path: string, cause: unknown) {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT') return { ok: false, kind: 'absent', message: `${path} does not exist` } as const;
  if (code === 'ELOOP') return isLink(path);
  const kind = code === 'EACCES' || code === 'EPERM' ? 'not-permitted' : 'failed';
  const message = `${path} could not be read: ${cause instanceof Error ? cause.message : String(cause)}`;
  return { ok: false, kind, message } as const;
}
