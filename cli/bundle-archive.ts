/**
 * Unpacks a bundle's .tar.gz into a folder. The archive may come from anywhere, so it is held to limits and may make
 * plain files and folders below the target and nothing else, which only the owner may read.
 * What a header says is read in tar-header.ts.
 */
import { closeSync, createReadStream, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createGunzip, gunzipSync } from 'node:zlib';
import { blockSize, checksumHolds, headerName, longName, octal } from './tar-header.ts';

export interface ArchiveLimits {
  /** Files and folders together. */
  readonly maxEntries: number;
  /** Unpacked, all files together. */
  readonly maxBytes: number;
}

/** Enough for a recording of 5,000 nodes; little enough that a hostile archive does not fill the disk. */
const archiveLimits: ArchiveLimits = { maxEntries: 500_000, maxBytes: 4 * 1024 ** 3 };

export type UnpackResult =
  | {
      readonly ok: true;
      /** The bundle's folder: the target, or the one folder in it that holds all the rest. */
      readonly folder: string;
      readonly files: number;
      readonly bytes: number;
    }
  | UnpackFailure;

export interface UnpackFailure {
  readonly ok: false;
  /** `cut`: it ends too early. `escapes`: a name leads out of the target. `not-a-file`: a link, device or socket. */
  readonly kind: 'unreadable' | 'not-gzip' | 'not-tar' | 'cut' | 'escapes' | 'not-a-file' | 'too-big' | 'not-writable';
  readonly message: string;
}

/**
 * Unpacks as a stream: memory does not grow with the archive.
 * @param into an empty folder, or one that does not exist yet; after a failure it may hold a part, the caller removes it.
 * @param limits see ArchiveLimits.
 */
export async function unpackBundle(archive: string, into: string, limits = archiveLimits): Promise<UnpackResult> {
  const tar = new TarUnpacker(archive, into, limits);
  try {
    const file = createReadStream(archive);
    const plain = createGunzip();
    file.on('error', (cause) => plain.destroy(cause));
    for await (const piece of file.pipe(plain)) {
      const failure = tar.push(piece);
      if (failure !== null) {
        file.destroy();
        return failure;
      }
    }
    return tar.finish();
  } catch (cause) {
    return readFailure(archive, cause);
  } finally {
    tar.close();
  }
}

/** The same at once and in memory: for our own small recordings, which tests need before they start. */
export function unpackBundleSync(archive: string, into: string, limits = archiveLimits): UnpackResult {
  const tar = new TarUnpacker(archive, into, limits);
  try {
    return tar.push(gunzipSync(readFileSync(archive))) ?? tar.finish();
  } catch (cause) {
    return readFailure(archive, cause);
  } finally {
    tar.close();
  }
}

/** What is being read: a header, a file's bytes, a long name that belongs to the next header, or nothing any more. */
type State =
  | { readonly at: 'header' }
  | { readonly at: 'file'; readonly fd: number; left: number; padding: number }
  | { readonly at: 'name'; readonly type: 'gnu' | 'pax'; readonly pieces: Buffer[]; left: number; padding: number }
  | { readonly at: 'skipped'; left: number; padding: number }
  | { readonly at: 'end' };

/** PATH_MAX is 4,096; a pax header holds little more than a path. */
const maxNameBytes = 64 * 1024;

/** A tar reader with a life cycle: push pieces, finish, close in any case. */
class TarUnpacker {
  readonly #archive: string;
  readonly #into: string;
  readonly #limits: ArchiveLimits;
  readonly #tops = new Set<string>();
  readonly #folders = new Set<string>();
  #state: State = { at: 'header' };
  #carried: Buffer = Buffer.alloc(0);
  #longName: string | null = null;
  #filesAtTop = 0;
  #entries = 0;
  #files = 0;
  #bytes = 0;

  constructor(archive: string, into: string, limits: ArchiveLimits) {
    this.#archive = archive;
    this.#into = into;
    this.#limits = limits;
  }

  /** Takes the next piece of the plain tar; a failure is final. */
  push(piece: Buffer): UnpackFailure | null {
    let rest = piece;
    while (rest.length > 0) {
      const state = this.#state;
      if (state.at === 'end') return null;
      if (state.at === 'header') {
        const header = Buffer.concat([this.#carried, rest.subarray(0, blockSize - this.#carried.length)]);
        rest = rest.subarray(header.length - this.#carried.length);
        this.#carried = header;
        if (header.length < blockSize) return null;
        this.#carried = Buffer.alloc(0);
        const failure = this.#startEntry(header);
        if (failure !== null) return failure;
        continue;
      }
      const taken = rest.subarray(0, state.left);
      if (state.at === 'file') writeWhole(state.fd, taken);
      if (state.at === 'name') state.pieces.push(Buffer.from(taken));
      state.left -= taken.length;
      const padding = Math.min(rest.length - taken.length, state.padding);
      state.padding -= padding;
      rest = rest.subarray(taken.length + padding);
      if (state.left + state.padding === 0) this.#endEntry(state);
    }
    return null;
  }

  finish(): UnpackResult {
    if (this.#state.at !== 'end') return this.#fail('cut', 'ends too early: copy or record it again');
    const [top] = this.#tops;
    const wrapped = this.#tops.size === 1 && this.#filesAtTop === 0 && top !== undefined && top !== 'api';
    const folder = wrapped ? join(this.#into, top) : this.#into;
    return { ok: true, folder, files: this.#files, bytes: this.#bytes };
  }

  close(): void {
    if (this.#state.at === 'file') closeSync(this.#state.fd);
    this.#state = { at: 'end' };
  }

  #startEntry(header: Buffer): UnpackFailure | null {
    if (header.every((byte) => byte === 0)) {
      this.#state = { at: 'end' };
      return null;
    }
    if (!checksumHolds(header)) return this.#fail('not-tar', 'holds a header whose checksum is wrong');
    const size = octal(header.subarray(124, 136));
    if (size === null) return this.#fail('not-tar', 'holds a header without a size in octal digits');
    const padding = (blockSize - (size % blockSize)) % blockSize;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'L' || type === 'x') {
      if (size > maxNameBytes) return this.#fail('too-big', `holds a name of ${size} bytes`);
      this.#enter({ at: 'name', type: type === 'L' ? 'gnu' : 'pax', pieces: [], left: size, padding });
      return null;
    }
    if (type === 'g') {
      this.#enter({ at: 'skipped', left: size, padding });
      return null;
    }
    const name = this.#longName ?? headerName(header);
    this.#longName = null;
    if (type === '5') return this.#makeFolder(name, size);
    if (type === '0' || type === '\0') return this.#makeFile(name, size, padding);
    return this.#fail('not-a-file', `holds ${JSON.stringify(name)}, which is a link, device or other special file`);
  }

  #makeFolder(name: string, size: number): UnpackFailure | null {
    const path = this.#place(name);
    if (typeof path !== 'string') return path;
    if (size !== 0) return this.#fail('not-tar', `holds a folder ${JSON.stringify(name)} with content`);
    return this.#ensureFolder(path);
  }

  #makeFile(name: string, size: number, padding: number): UnpackFailure | null {
    const path = this.#place(name);
    if (typeof path !== 'string') return path;
    this.#bytes += size;
    if (this.#bytes > this.#limits.maxBytes) {
      return this.#fail('too-big', `unpacks to more than ${this.#limits.maxBytes} bytes`);
    }
    const failure = this.#ensureFolder(dirname(path));
    if (failure !== null) return failure;
    if (dirname(path) === this.#into) this.#filesAtTop += 1;
    try {
      // 'wx': a name that is there twice is refused, not written through.
      this.#enter({ at: 'file', fd: openSync(path, 'wx', 0o600), left: size, padding });
    } catch (cause) {
      return this.#fail('not-writable', `could not be unpacked: ${messageOf(cause)}`);
    }
    this.#files += 1;
    return null;
  }

  /** The path below the target, or the failure; counts the entry. */
  #place(name: string): string | UnpackFailure {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (name.startsWith('/') || name.includes('\0') || parts.includes('..')) {
      return this.#fail('escapes', `holds ${JSON.stringify(name)}, which leads out of the bundle`);
    }
    this.#entries += 1;
    if (this.#entries > this.#limits.maxEntries) {
      return this.#fail('too-big', `holds more than ${this.#limits.maxEntries} files`);
    }
    if (parts[0] !== undefined) this.#tops.add(parts[0]);
    return join(this.#into, ...parts);
  }

  #ensureFolder(path: string): UnpackFailure | null {
    if (this.#folders.has(path)) return null;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (cause) {
      return this.#fail('not-writable', `could not be unpacked: ${messageOf(cause)}`);
    }
    this.#folders.add(path);
    return null;
  }

  #enter(state: Exclude<State, { at: 'header' | 'end' }>): void {
    this.#state = state;
    if (state.left + state.padding === 0) this.#endEntry(state);
  }

  #endEntry(state: Exclude<State, { at: 'header' | 'end' }>): void {
    if (state.at === 'file') closeSync(state.fd);
    if (state.at === 'name') this.#longName = longName(state.type, Buffer.concat(state.pieces)) ?? this.#longName;
    this.#state = { at: 'header' };
  }

  #fail(kind: UnpackFailure['kind'], what: string): UnpackFailure {
    return { ok: false, kind, message: `${this.#archive} ${what}` };
  }
}

function writeWhole(fd: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}

/** Node's file and zlib errors, told apart by their code. */
function readFailure(archive: string, cause: unknown): UnpackFailure {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'Z_BUF_ERROR') {
    return { ok: false, kind: 'cut', message: `${archive} ends too early: copy or record it again` };
  }
  if (code.startsWith('Z_')) {
    return { ok: false, kind: 'not-gzip', message: `${archive} is no sound .tar.gz: ${messageOf(cause)}` };
  }
  if (code === '') throw cause;
  return { ok: false, kind: 'unreadable', message: `${archive} could not be unpacked: ${messageOf(cause)}` };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
