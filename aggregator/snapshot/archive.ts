/**
 * Files as one .tar.gz, made as it is read: whoever reads slowly makes it wait, and no more than a few pieces are in
 * memory. Nobody but the owner may read what is unpacked of it.
 */
import { pipeline, type Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import type { Snapshot, SnapshotFile } from '../model/moment.ts';

type Entry = ReturnType<Pack['entry']>;

const fileMode = 0o600;
const folderMode = 0o700;
const pieceBytes = 64 * 1024;
/** Longer files are gone through twice: for their length, which comes before them, and to be sent. */
const mostKeptBytes = 4 * 1024 * 1024;
/** Other work of the process gets its turn as often. */
const turnMs = 10;

/** The archive of a snapshot. Destroyed early, it makes no more; a file that cannot be read is its error. */
export function archiveOf({ takenAt, files }: Snapshot): Readable {
  const tar = pack();
  const zipped = createGzip();
  // Errors of either end both, and whoever reads hears of it.
  pipeline(tar, zipped, () => undefined);
  packAll(tar, files, new Date(takenAt)).then(
    () => tar.finalize(),
    (cause: unknown) => zipped.destroy(cause instanceof Error ? cause : new Error(String(cause))),
  );
  return zipped;
}

async function packAll(tar: Pack, files: Iterable<SnapshotFile>, mtime: Date): Promise<void> {
  for (const file of files) {
    if (file.name.endsWith('/')) {
      tar.entry({ name: file.name, type: 'directory', mode: folderMode, mtime });
      continue;
    }
    const { size, whole } = await measured(file);
    const header = { name: file.name, size, mode: fileMode, mtime };
    await packFile(tar, header, whole === null ? () => batches(file) : () => [whole]);
  }
}

interface Measured {
  readonly size: number;
  /** The content, where it is short enough to be kept until it is sent; null = it must be made again. */
  readonly whole: Buffer | null;
}

async function measured(file: SnapshotFile): Promise<Measured> {
  let kept: Buffer[] | null = [];
  let size = 0;
  for await (const piece of batches(file)) {
    size += piece.length;
    if (size > mostKeptBytes) kept = null;
    kept?.push(piece);
  }
  return { size, whole: kept === null ? null : Buffer.concat(kept) };
}

type Pieces = () => Iterable<Buffer> | AsyncIterable<Buffer>;

function packFile(tar: Pack, header: Parameters<Pack['entry']>[0], pieces: Pieces): Promise<void> {
  return new Promise((resolve, reject) => {
    const entry = tar.entry(header, (cause) => (cause ? reject(cause) : resolve()));
    entry.on('error', reject);
    fill(entry, pieces).catch(reject);
  });
}

async function fill(entry: Entry, pieces: Pieces): Promise<void> {
  for await (const piece of pieces()) {
    if (!entry.write(piece)) await drained(entry);
  }
  entry.end(undefined);
}

function drained(entry: Entry): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = () => reject(new Error('nobody reads the archive any more'));
    if (entry.destroying) left();
    entry.once('close', left);
    entry.once('drain', () => {
      entry.off('close', left);
      resolve();
    });
  });
}

/** The content in pieces of a size that is worth handing on. */
async function* batches(file: SnapshotFile): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  let turn = performance.now();
  for await (const piece of file.pieces()) {
    const one =
      typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    waiting.push(one);
    bytes += one.length;
    if (bytes >= pieceBytes) {
      yield Buffer.concat(waiting);
      waiting = [];
      bytes = 0;
    }
    if (performance.now() - turn > turnMs) {
      await new Promise((resolve) => setImmediate(resolve));
      turn = performance.now();
    }
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}
