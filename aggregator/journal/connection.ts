/** One open database file: pragmas, statements, transactions. All is synchronous but the copy. */
import { backup, DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Compilable, CompiledQuery } from 'kysely';
import { journalError } from './sqlite-fault.ts';

export interface Connection {
  /** The rows of a query; their types are those of the built query, which the STRICT tables keep. */
  all<Row>(query: Compilable<Row>): readonly Row[];
  /** @returns how many rows it changed. */
  run(query: Compilable): number;
  /** The first column of the first row of a statement that kysely does not build: PRAGMA. */
  value(statement: string): unknown;
  exec(statement: string): void;
  /**
   * All of it or nothing; on disk when this returns.
   * @throws JournalError after which nothing of it is kept
   */
  transaction(attempted: string, work: () => void): void;
  /**
   * Writes a whole, sound copy of what is committed to a new file, a few pages at a time on another thread: a
   * VACUUM INTO of a large journal would stop the process for seconds.
   */
  copyTo(path: string): Promise<void>;
  close(): void;
}

/** Pages of 4 KiB that are copied in one go; a commit waits for at most that. */
const pagesAtOnce = 100;
/** A copy begins anew so often, when commits end it: first in pieces, then in one go, for which commits wait. */
const mostDisturbed = 30;
const mostInPieces = 10;
const allPages = 2 ** 30;

/**
 * Opens the file, or makes it, as the only user of it until it is closed.
 * @throws whatever SQLite says
 */
export function connect(path: string): Connection {
  const database = new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: true });
  try {
    // Before anything touches the file: the index of the write-ahead log then stays in memory, and the lock is kept.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL');
    // Each commit is forced to the disk: NORMAL may lose the last ones when the power fails.
    database.exec('PRAGMA synchronous = FULL');
    // After a burst the log shrinks again.
    database.exec('PRAGMA journal_size_limit = 16777216');
  } catch (cause) {
    database.close();
    throw cause;
  }
  return connectionOf(database);
}

function connectionOf(database: DatabaseSync): Connection {
  const statements = new Map<string, StatementSync>();
  const prepared = ({ sql }: CompiledQuery): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    all: <Row>(query: Compilable<Row>) => {
      const compiled = query.compile();
      return prepared(compiled).all(...bound(compiled)) as Row[];
    },
    run: (query) => {
      const compiled = query.compile();
      return Number(prepared(compiled).run(...bound(compiled)).changes);
    },
    value: (statement) => Object.values(database.prepare(statement).get() ?? {})[0],
    exec: (statement) => database.exec(statement),
    transaction: (attempted, work) => {
      try {
        database.exec('BEGIN IMMEDIATE');
        work();
        database.exec('COMMIT');
      } catch (cause) {
        // A full disk has already undone it; anything else has not.
        if (database.isTransaction) rollBack(database);
        throw journalError(attempted, cause);
      }
    },
    copyTo: async (path) => {
      for (let disturbed = 0; ; disturbed++) {
        try {
          const rate = disturbed < mostInPieces ? pagesAtOnce : allPages;
          await backup(database, path, { rate });
          break;
        } catch (cause) {
          if (disturbed === mostDisturbed || !isDisturbed(cause)) throw cause;
        }
      }
      // Closing ends a copy early, and nothing tells.
      if (!database.isOpen) throw new Error('the database was closed meanwhile');
    },
    close: () => database.close(),
  };
}

/** SQLITE_OK: the copy stopped at a page that a commit held, and by the time of the error the commit was done. */
const disturbances = [0, 5, 6];

/** Whether a copy was ended by a commit beside it, and not by the disk: SQLITE_BUSY, SQLITE_LOCKED, or no error left. */
function isDisturbed(cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && disturbances.includes(Number(cause.errcode));
}

function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // The reason why the transaction failed is about to be told; without COMMIT nothing of it counts.
  }
}

type Bound = string | number | null;

function bound({ parameters }: CompiledQuery): Bound[] {
  return parameters.map((each) => {
    if (typeof each === 'string' || typeof each === 'number' || each === null) return each;
    throw new TypeError(`the journal's queries take text, numbers and null, not ${typeof each}`);
  });
}
