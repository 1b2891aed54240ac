/** For tests: the recorded dumps, and the published ones where they lie beside the project. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { recordingFolder } from './recordings.ts';

export interface RecordedDump {
  /** Path under the recording: `s1-healthy/node-a/iptables-nft-save.txt`. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Every iptables-save output of a recording, in the order of its names. */
export function recordedDumps(recording: string): readonly RecordedDump[] {
  return dumpsUnder(recordingFolder(recording), recording);
}

/** Dumps published by others; null where the folder is absent, since they must not lie in this repository. */
export function publishedDumps(): readonly RecordedDump[] | null {
  const folder = join(import.meta.dirname, '../../shared/fixtures/published');
  return existsSync(folder) ? dumpsUnder(folder, 'published') : null;
}

function dumpsUnder(folder: string, name: string): readonly RecordedDump[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => isDump(path))
    .sort()
    .map((path) => ({ name: join(name, path), bytes: readDump(join(folder, path)) }));
}

function isDump(path: string): boolean {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const text = file.endsWith('.txt') || file.endsWith('.txt.gz');
  return text && file.includes('tables-') && file.includes('save') && !file.includes('stderr');
}

function readDump(path: string): Buffer {
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** The dump's bytes without the lines that begin with `#`. */
export function withoutCommentLines(bytes: Buffer): Buffer {
  const kept: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    if (bytes[at] !== 35) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/** The names behind `*` at the start of lines. */
export function tableNames(bytes: Buffer): readonly string[] {
  return bytes
    .toString('latin1')
    .split('\n')
    .filter((line) => line.startsWith('*'))
    .map((line) => line.slice(1));
}
