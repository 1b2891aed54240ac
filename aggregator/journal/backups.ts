/** Copies of the journal beside it: made while it runs, taken when it is found damaged. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Connection } from './connection.ts';
import { journalError } from './sqlite-fault.ts';

const kept = 3;
const finished = /^journal-\d{8}T\d{9}Z\.db$/;
const leftover = /\.partial(?:-journal|-wal)?$/;

/** Paths of the finished backups in a folder, newest first; none where there is no folder. */
export function backupsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => finished.test(name));
  return names.sort((one, other) => (one < other ? 1 : -1)).map((name) => join(folder, name));
}

/** When the newest backup was made, Unix milliseconds; null = there is none. */
export function newestBackupAt(folder: string): number | null {
  const [newest] = backupsIn(folder);
  return newest === undefined ? null : statSync(newest).mtimeMs;
}

/**
 * Writes a whole copy, as of some moment during the call, and keeps the newest three. It has its name only once it is
 * on disk: what a crash leaves behind is never taken for a backup.
 * @throws JournalError when the disk refuses; the backups that are there stay
 */
export async function writeBackup(connection: Connection, folder: string, now: Date): Promise<void> {
  const path = join(folder, `journal-${stamp(now)}.db`);
  const partial = `${path}.partial`;
  try {
    mkdirSync(folder, { recursive: true });
    removeLeftovers(folder);
    await connection.copyTo(partial);
    forceToDisk(partial);
    renameSync(partial, path);
    forceToDisk(folder);
    for (const old of backupsIn(folder).slice(kept)) rmSync(old);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw journalError(`writing the backup ${path}`, cause);
  }
}

/** Puts a copy of a backup in the database's place, whole or not at all. */
export function restoreBackup(backup: string, path: string): void {
  const partial = `${path}.partial`;
  copyFileSync(backup, partial);
  forceToDisk(partial);
  renameSync(partial, path);
  forceToDisk(dirname(path));
}

/** What a crash left half-written. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) if (leftover.test(name)) rmSync(join(folder, name));
}

function forceToDisk(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A time for names of files: 20260102T030405678Z. */
export function stamp(time: Date): string {
  return time.toISOString().replaceAll(/[-:.]/g, '');
}
