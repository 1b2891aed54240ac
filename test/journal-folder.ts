/** Folders with a journal in them, for tests of what survives on disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenedJournal, openJournal } from '../aggregator/journal/open-journal.ts';

export interface JournalFolder {
  readonly path: string;
  readonly database: string;
  /** What was told of rows that could not be read. */
  readonly told: readonly string[];
  open(maxRows?: number): OpenedJournal;
  remove(): void;
}

/** A new, empty folder. */
export function journalFolder(now = new Date('2026-03-02T00:00:00.000Z')): JournalFolder {
  const path = mkdtempSync(join(tmpdir(), 'plumbline-journal-'));
  const told: string[] = [];
  return {
    path,
    database: join(path, 'journal.db'),
    told,
    open: (maxRows) =>
      openJournal({
        folder: path,
        now: () => now,
        tell: (message) => told.push(message.replaceAll(path, 'FOLDER')),
        ...(maxRows !== undefined && { maxRows }),
      }),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
