/** The journal in an SQLite file. What a commit says is on disk when it returns; what it throws for is not there. */
import type { EndedQuery, Journal, JournalEntry, TrackedFinding, Transition } from '../model/lifecycle.ts';
import type { Figure } from '../model/record.ts';
import { newestBackupAt, writeBackup } from './backups.ts';
import type { Connection } from './connection.ts';
import {
  addTransition,
  dropFinding,
  endedRows,
  lastEpisodeOf,
  openRows,
  putFinding,
  rememberEpisode,
  rowCounts,
  rowsOf,
  transitionsOf,
} from './finding-queries.ts';
import { findingOf } from './finding-row.ts';
import { isTransitionKind } from './finding-shape.ts';
import { type JournalCounts, journalFigures, noCounts } from './journal-counts.ts';
import type { JournalError } from './journal-error.ts';
import type { JournalFiles } from './recovery.ts';
import { dropOldHistory, type Pruned, type Retention } from './retention.ts';
import type { FindingRow } from './schema.ts';
import { journalError } from './sqlite-fault.ts';

export interface JournalParts {
  readonly connection: Connection;
  readonly files: JournalFiles;
  readonly maxRows: number;
  /** Called after the database is closed. */
  readonly onClose: () => void;
  /** Told once of every row that is skipped. */
  readonly tell: (message: string) => void;
}

export class SqliteJournal implements Journal {
  readonly #parts: JournalParts;
  readonly #told = new Set<string>();
  #counts: JournalCounts = noCounts;
  /** After a failing disk nothing is certain of the file until it is opened anew. */
  #broken: JournalError | null = null;
  #isClosed = false;
  #backup: Promise<void> | null = null;

  constructor(parts: JournalParts) {
    this.#parts = parts;
  }

  open(): readonly TrackedFinding[] {
    return this.#readable(this.#parts.connection.all(openRows));
  }

  lastEpisode(fingerprint: string): number {
    return this.#parts.connection.all(lastEpisodeOf(fingerprint))[0]?.last_episode ?? 0;
  }

  /** @throws JournalError; after the faults `io` and `corrupt` every further commit throws it too. */
  commit(entry: JournalEntry): void {
    const start = performance.now();
    const attempted = `writing ${entry.findings.length} findings to ${this.#parts.files.database}`;
    this.#transaction(attempted, () => writeEntry(this.#parts.connection, entry));
    const seconds = (performance.now() - start) / 1000;
    const { commits, commitSeconds } = this.#counts;
    this.#counts = { ...this.#counts, commits: commits + 1, commitSeconds: commitSeconds + seconds };
  }

  ended({ limit, before }: EndedQuery): readonly TrackedFinding[] {
    const found: TrackedFinding[] = [];
    let from = before;
    // A page is full although some of its rows cannot be read: a short page means that there are no more.
    while (found.length < limit) {
      const wanted = limit - found.length;
      const rows = this.#parts.connection.all(endedRows({ limit: wanted, ...(from && { before: from }) }));
      found.push(...this.#readable(rows));
      const last = rows.at(-1);
      if (rows.length < wanted || last === undefined || last.ended_at === null) break;
      from = { endedAt: last.ended_at, fingerprint: last.fingerprint };
    }
    return found;
  }

  find(fingerprint: string): TrackedFinding | null {
    return this.#readable(this.#parts.connection.all(rowsOf(fingerprint)))[0] ?? null;
  }

  history(fingerprint: string, limit: number): readonly Transition[] {
    const steps: Transition[] = [];
    for (const row of this.#parts.connection.all(transitionsOf(fingerprint, limit))) {
      const { episode, at, kind, because } = row;
      if (isTransitionKind(kind)) steps.push({ fingerprint, episode, at, kind, because });
      else this.#skip(`step ${row.id}`, `its kind is ${kind}`);
    }
    return steps;
  }

  /**
   * Writes a copy beside the journal and keeps the newest three. Commits go on meanwhile; while one is being written,
   * another call waits for that one.
   * @throws JournalError when the disk refuses; the journal goes on
   */
  backup(now: Date): Promise<void> {
    this.#backup ??= this.#writeBackup(now).finally(() => {
      this.#backup = null;
    });
    return this.#backup;
  }

  /**
   * Takes away old history: 90 days, and a number of rows. Open findings stay.
   * @throws JournalError when the disk refuses; everything is then still there
   */
  prune(now: Date): Pruned {
    let pruned: Pruned = { findings: 0, transitions: 0 };
    const { connection, files, maxRows } = this.#parts;
    const retention: Retention = { now, maxRows };
    this.#transaction(`dropping old history from ${files.database}`, () => {
      pruned = dropOldHistory(connection, retention);
    });
    return pruned;
  }

  figures(): readonly Figure[] {
    const { connection, files } = this.#parts;
    const pages = Number(connection.value('PRAGMA page_count'));
    const rows: Record<string, number> = {};
    for (const [kind, count] of Object.entries(connection.all(rowCounts)[0] ?? {})) rows[kind] = count ?? 0;
    const bytes = pages * Number(connection.value('PRAGMA page_size'));
    return journalFigures(this.#counts, { bytes, rows, backupAt: newestBackupAt(files.backups) });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.connection.close();
    this.#parts.onClose();
  }

  async #writeBackup(now: Date): Promise<void> {
    try {
      await writeBackup(this.#parts.connection, this.#parts.files.backups, now);
    } catch (cause) {
      this.#counts = { ...this.#counts, failedBackups: this.#counts.failedBackups + 1 };
      throw cause;
    }
  }

  #transaction(attempted: string, work: () => void): void {
    if (this.#broken !== null) throw this.#broken;
    try {
      this.#parts.connection.transaction(attempted, work);
    } catch (cause) {
      const error = journalError(attempted, cause);
      if (error.fault === 'io' || error.fault === 'corrupt') this.#broken = error;
      this.#counts = { ...this.#counts, failedCommits: this.#counts.failedCommits + 1 };
      throw error;
    }
  }

  #readable(rows: readonly FindingRow[]): readonly TrackedFinding[] {
    const findings: TrackedFinding[] = [];
    for (const row of rows) {
      const finding = findingOf(row);
      if (typeof finding === 'string') this.#skip(`finding ${row.fingerprint}, episode ${row.episode}`, finding);
      else findings.push(finding);
    }
    return findings;
  }

  #skip(what: string, why: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#counts = { ...this.#counts, unreadableRows: this.#counts.unreadableRows + 1 };
    this.#parts.tell(`${this.#parts.files.database}: ${what} cannot be read and is left out: ${why}`);
  }
}

/** Ended rows go before open ones: a fingerprint may end and open again in one entry, and is never open twice. */
function writeEntry(connection: Connection, { findings, withdrawn, transitions }: JournalEntry): void {
  for (const each of withdrawn) connection.run(dropFinding(each));
  const episodes = newestEpisodes([...withdrawn, ...findings, ...transitions]);
  for (const each of episodes) connection.run(rememberEpisode(each));
  for (const each of findings) if (each.endedAt !== null) connection.run(putFinding(each));
  for (const each of findings) if (each.endedAt === null) connection.run(putFinding(each));
  for (const each of transitions) connection.run(addTransition(each));
}

interface Episode {
  readonly fingerprint: string;
  readonly episode: number;
}

function newestEpisodes(episodes: readonly Episode[]): Iterable<Episode> {
  const newest = new Map<string, Episode>();
  for (const each of episodes) {
    const known = newest.get(each.fingerprint);
    if (known === undefined || known.episode < each.episode) newest.set(each.fingerprint, each);
  }
  return newest.values();
}
