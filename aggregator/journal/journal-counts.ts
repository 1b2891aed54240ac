/** What the journal has done since it was opened, as figures for /metrics. */
import type { Figure } from '../model/record.ts';

export interface JournalCounts {
  readonly commits: number;
  readonly commitSeconds: number;
  readonly failedCommits: number;
  readonly failedBackups: number;
  readonly unreadableRows: number;
}

export const noCounts: JournalCounts = {
  commits: 0,
  commitSeconds: 0,
  failedCommits: 0,
  failedBackups: 0,
  unreadableRows: 0,
};

/** What stands on disk now. */
export interface JournalSize {
  readonly bytes: number;
  /** By kind of row. */
  readonly rows: Readonly<Record<string, number>>;
  /** When the newest backup was made, Unix milliseconds; null = there is none. */
  readonly backupAt: number | null;
}

/** The figures of a journal. */
export function journalFigures(counts: JournalCounts, size: JournalSize): readonly Figure[] {
  const counter = (name: string, help: string, value: number): Figure => {
    return { name: `plumbline_journal_${name}`, help, kind: 'counter', value };
  };
  const gauge = (name: string, help: string, value: number, labels: Figure['labels'] = {}): Figure => {
    return { name: `plumbline_journal_${name}`, help, kind: 'gauge', labels, value };
  };
  const rows = Object.entries(size.rows).map(([kind, value]) =>
    gauge('rows', 'Rows in the journal, by what they are.', value, { kind }),
  );
  const help = 'When the newest backup of the journal was made, Unix seconds.';
  const backup = size.backupAt === null ? [] : [gauge('backup_timestamp_seconds', help, size.backupAt / 1000)];
  return [
    counter('commits_total', 'Rounds of the engine that were written to disk.', counts.commits),
    counter('commit_seconds_total', 'Seconds spent writing them.', counts.commitSeconds),
    counter('commit_failures_total', 'Rounds that the disk refused.', counts.failedCommits),
    counter('backup_failures_total', 'Backups that could not be written.', counts.failedBackups),
    counter('unreadable_rows_total', 'Rows that were skipped because they could not be read.', counts.unreadableRows),
    gauge('bytes', 'Size of the database, without its log.', size.bytes),
    ...rows,
    ...backup,
  ];
}
