/** A folder as a .tar.gz. */
import { createReadStream, createWriteStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { SnapshotFile } from '../../aggregator/model/moment.ts';
import { archiveOf } from '../../aggregator/snapshot/archive.ts';

/** Writes the archive, which nobody but the owner may read. */
export async function packFolder(folder: string, archive: string, takenAt: number): Promise<void> {
  const made = createWriteStream(archive, { flags: 'wx', mode: 0o600 });
  await pipeline(archiveOf({ takenAt, files: filesIn(folder) }), made);
}

function* filesIn(folder: string, below = ''): Generator<SnapshotFile> {
  const entries = readdirSync(join(folder, below), { withFileTypes: true });
  if (entries.length === 0) yield { name: `${below}/`, pieces: () => [] };
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* filesIn(folder, name);
    else yield { name, pieces: () => createReadStream(join(folder, name)) };
  }
}
