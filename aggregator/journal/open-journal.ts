/** Opens the journal of a folder, or says why it cannot be opened. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from './connection.ts';
import { dropFinding, openRows } from './finding-queries.ts';
import { findingOf } from './finding-row.ts';
import { takeLock } from './process-lock.ts';
import { connectSound, type JournalFiles, migrate } from './recovery.ts';
import { migrations, queries } from './schema.ts';
import { SqliteJournal } from './sqlite-journal.ts';
import { journalError } from './sqlite-fault.ts';

const maxRows = 200_000;

export interface JournalOptions {
  /** Has journal.db, its lock, and the folder `backups`; is made if it is not there. */
  readonly folder: string;
  readonly now: () => Date;
  /** Told of rows that cannot be read, as they are met. */
  readonly tell: (message: string) => void;
  /** Ended findings and steps that stay at most, of each; 200,000 unless given. */
  readonly maxRows?: number;
}

export interface OpenedJournal {
  readonly journal: SqliteJournal;
  /** What was found damaged and what was done about it, for people to see; null when all was well. */
  readonly notice: string | null;
}

/**
 * Opens the journal, checked whole and of this program's schema version. A damaged one is moved aside and the newest
 * good backup takes its place.
 * @throws JournalError when the folder cannot be written, another process has it, or a newer program wrote it
 */
export function openJournal(options: JournalOptions): OpenedJournal {
  const { folder, tell } = options;
  const files: JournalFiles = { database: join(folder, 'journal.db'), backups: join(folder, 'backups') };
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const lock = takeLock(join(folder, 'journal.lock'));
    try {
      const { connection, notices } = prepare(files, options.now());
      const parts = { connection, files, tell, maxRows: options.maxRows ?? maxRows, onClose: lock.release };
      return { journal: new SqliteJournal(parts), notice: notices.length === 0 ? null : notices.join(' ') };
    } catch (cause) {
      lock.release();
      throw cause;
    }
  } catch (cause) {
    throw journalError(`opening the journal in ${folder}`, cause);
  }
}

function prepare(files: JournalFiles, now: Date) {
  const { connection, notice } = connectSound(files, now);
  try {
    const steps = migrations.map((queriesOfStep) => () => {
      for (const query of queriesOfStep) connection.run(query);
    });
    migrate(connection, files.database, steps);
    const notices = [notice, setUnreadableAside(connection, files.database)].filter((each) => each !== null);
    return { connection, notices };
  } catch (cause) {
    connection.close();
    throw cause;
  }
}

/**
 * An open row that cannot be read would stay open for ever, and forbid its fingerprint to open again.
 * @returns what was found, null when nothing was
 */
function setUnreadableAside(connection: Connection, database: string): string | null {
  const unreadable = connection.all(openRows).flatMap((row) => {
    const reason = findingOf(row);
    return typeof reason === 'string' ? [{ row, reason }] : [];
  });
  const [first] = unreadable;
  if (first === undefined) return null;
  connection.transaction(`setting unreadable rows of ${database} aside`, () => {
    for (const { row, reason } of unreadable) {
      const { fingerprint, episode, body } = row;
      connection.run(queries.insertInto('set_aside').values({ fingerprint, episode, body, reason }));
      connection.run(dropFinding(row));
    }
  });
  return `${unreadable.length} open findings of ${database} cannot be read and were set aside: ${first.row.fingerprint}, ${first.reason}.`;
}
