/** The recorded clusters of test/recordings as folders, unpacked once per archive and machine. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unpackBundleSync } from '../cli/bundle-archive.ts';

const archiveFolder = join(import.meta.dirname, 'recordings');
const cacheFolder = join(import.meta.dirname, '../node_modules/.cache/recordings');
const suffix = '.tar.gz';
const unpacked = new Map<string, string>();

/** Every recording there is: `s1-healthy`, `s2-stale-stopped` and so on. */
export const recordingNames: readonly string[] = readdirSync(archiveFolder)
  .filter((file) => file.endsWith(suffix))
  .map((file) => file.slice(0, -suffix.length))
  .sort();

/**
 * The absolute folder of one recording; test/recordings/README.md says what lies in it. Treat it as read-only: all
 * tests share it.
 * @throws when there is no recording of that name, or it cannot be unpacked.
 */
export function recordingFolder(name: string): string {
  const known = unpacked.get(name);
  if (known !== undefined) return known;
  if (!recordingNames.includes(name)) {
    throw new Error(`no recording "${name}" in ${archiveFolder}; there are ${recordingNames.join(', ')}`);
  }
  const archive = join(archiveFolder, name + suffix);
  const digest = createHash('sha256').update(readFileSync(archive)).digest('hex').slice(0, 12);
  const folder = join(cacheFolder, `${name}-${digest}`);
  if (!existsSync(folder)) unpackInto(archive, name, folder);
  unpacked.set(name, folder);
  return folder;
}

/** Workers may unpack the same archive at once: each into a folder of its own, and the first to be done names it. */
function unpackInto(archive: string, name: string, folder: string): void {
  mkdirSync(cacheFolder, { recursive: true });
  const own = mkdtempSync(join(cacheFolder, `.${name}-`));
  try {
    const result = unpackBundleSync(archive, own);
    if (!result.ok) throw new Error(result.message);
    try {
      renameSync(result.folder, folder);
    } catch (cause) {
      if (!existsSync(folder)) throw cause;
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}
