import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entry, resolved, step, tracked } from '../../test/journal-entries.ts';
import { type JournalFolder, journalFolder } from '../../test/journal-folder.ts';
import { connect } from './connection.ts';
import { JournalError } from './journal-error.ts';
import type { SqliteJournal } from './sqlite-journal.ts';

let folder: JournalFolder;
beforeEach(() => {
  folder = journalFolder();
});
afterEach(() => folder.remove());

/** Runs SQL on the closed journal, as someone with a tool would. */
function edit(sql: string): void {
  const database = new DatabaseSync(folder.database);
  database.exec(sql);
  database.close();
}

function fingerprintsOf(findings: readonly { readonly fingerprint: string }[]): readonly string[] {
  return findings.map(({ fingerprint }) => fingerprint);
}

describe('a row that cannot be read', () => {
  it.each([
    { what: 'its text was changed', sql: "UPDATE findings SET body = replace(body, 'shop', 'stop')" },
    { what: 'its text is cut', sql: 'UPDATE findings SET body = substr(body, 1, 40)' },
    { what: 'a column was changed', sql: "UPDATE findings SET state = 'pending'" },
  ])('open, because $what, is set aside with a notice, and its fingerprint can open again', ({ sql }) => {
    const { journal } = folder.open();
    journal.commit(entry({ findings: [tracked('f1')] }));
    journal.close();
    edit(sql);
    const again = folder.open();
    expect(again.notice).toContain('1 open findings of');
    expect(again.journal.open()).toEqual([]);
    expect(again.journal.lastEpisode('f1')).toBe(1);
    again.journal.commit(entry({ findings: [tracked('f1', { episode: 2 })] }));
    expect(again.journal.open()).toEqual([tracked('f1', { episode: 2 })]);
    expect(figure(again.journal, 'rows', 'setAside')).toBe(1);
    again.journal.close();
    expect(folder.open().notice).toBeNull();
  });

  it('among those that ended is left out, told once, and does not shorten a page', () => {
    const { journal } = folder.open();
    const rows = ['f3', 'f2', 'f1'].map((name, index) => resolved(name, `2026-03-01T1${9 - index}:00:00.000Z`));
    journal.commit(entry({ findings: rows }));
    journal.close();
    edit("UPDATE findings SET body = '{}', checksum = 2745614147 WHERE fingerprint = 'f2'");
    const again = folder.open();
    expect(again.notice).toBeNull();
    expect(fingerprintsOf(again.journal.ended({ limit: 2 }))).toEqual(['f3', 'f1']);
    expect(again.journal.find('f2')).toBeNull();
    expect(folder.told).toHaveLength(1);
    expect(folder.told[0]).toContain('FOLDER/journal.db: finding f2, episode 1 cannot be read and is left out: ');
    expect(figure(again.journal, 'unreadable_rows_total')).toBe(1);
    again.journal.close();
  });

  it('a step of a kind that this version does not know is left out', () => {
    const { journal } = folder.open();
    journal.commit(entry({ transitions: [step('f1', { kind: 'pending' }), step('f1')] }));
    journal.close();
    edit("UPDATE transitions SET kind = 'pondering' WHERE kind = 'pending'");
    const again = folder.open();
    expect(again.journal.history('f1', 10)).toEqual([step('f1')]);
    expect(folder.told).toEqual(['FOLDER/journal.db: step 1 cannot be read and is left out: its kind is pondering']);
    again.journal.close();
  });
});

describe('old history', () => {
  it('goes after 90 days, open findings and their steps never', () => {
    const { journal } = folder.open();
    const at = '2026-01-01T00:00:00.000Z';
    const findings = [tracked('open'), resolved('old', at), resolved('new', '2026-01-02T00:00:00.000Z')];
    journal.commit(entry({ findings, transitions: ['open', 'old', 'withdrawn'].map((name) => step(name, { at })) }));
    expect(journal.prune(new Date('2026-04-01T00:00:00.000Z'))).toEqual({ findings: 0, transitions: 0 });
    expect(journal.prune(new Date('2026-04-01T00:00:00.001Z'))).toEqual({ findings: 1, transitions: 2 });
    expect(fingerprintsOf(journal.ended({ limit: 9 }))).toEqual(['new']);
    expect(fingerprintsOf(journal.open())).toEqual(['open']);
    expect(journal.history('open', 9)).toHaveLength(1);
    expect(['old', 'withdrawn', 'new'].map((name) => journal.lastEpisode(name))).toEqual([0, 0, 1]);
    journal.close();
  });

  it('beyond the number of rows goes by age, the ended first', () => {
    const { journal } = folder.open(3);
    const ended = [5, 1, 4, 2, 3].map((day) => resolved(`e${day}`, `2026-03-0${day}T00:00:00.000Z`));
    const open = [tracked('o1'), tracked('o2')];
    const steps = ['o1', 'e1', 'o2', 'e2', 'o1', 'o2'].map((name) => step(name));
    journal.commit(entry({ findings: [...ended, ...open], transitions: steps }));
    expect(journal.prune(new Date('2026-03-06T00:00:00.000Z'))).toEqual({ findings: 4, transitions: 3 });
    expect(fingerprintsOf(journal.ended({ limit: 9 }))).toEqual(['e5']);
    expect(fingerprintsOf(journal.open())).toEqual(['o1', 'o2']);
    expect([journal.history('o1', 9).length, journal.history('o2', 9).length]).toEqual([1, 2]);
    expect(journal.prune(new Date('2026-03-06T00:00:00.000Z'))).toEqual({ findings: 0, transitions: 0 });
    journal.close();
  });

  it('only open findings are left when they alone are more than that', () => {
    const { journal } = folder.open(1);
    journal.commit(entry({ findings: [tracked('o1'), tracked('o2'), resolved('e1', '2026-03-01T00:00:00.000Z')] }));
    expect(journal.prune(new Date('2026-03-06T00:00:00.000Z'))).toEqual({ findings: 1, transitions: 0 });
    expect(fingerprintsOf(journal.open())).toEqual(['o1', 'o2']);
    journal.close();
  });
});

describe('backups', () => {
  it('keeps the newest three', async () => {
    const { journal } = folder.open();
    for (const hour of [1, 2, 3, 4]) await journal.backup(new Date(`2026-03-01T0${hour}:00:00.000Z`));
    expect(readdirSync(join(folder.path, 'backups')).sort()).toEqual(
      [2, 3, 4].map((hour) => `journal-20260301T0${hour}0000000Z.db`),
    );
    journal.close();
  });

  it('asked for twice at once is one', async () => {
    const { journal } = folder.open();
    await Promise.all([1, 2].map((hour) => journal.backup(new Date(`2026-03-01T0${hour}:00:00.000Z`))));
    expect(readdirSync(join(folder.path, 'backups'))).toEqual(['journal-20260301T010000000Z.db']);
    journal.close();
  });

  it('are whole while commits go on', async () => {
    const { journal } = folder.open();
    for (let round = 0; round < 20; round += 1) journal.commit(manyOf(round));
    const copied = journal.backup(new Date('2026-03-01T01:00:00.000Z'));
    for (let round = 20; round < 30; round += 1) {
      journal.commit(manyOf(round));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await copied;
    journal.close();
    const copy = connect(join(folder.path, 'backups/journal-20260301T010000000Z.db'));
    expect(copy.value('PRAGMA integrity_check')).toBe('ok');
    expect(copy.value('PRAGMA user_version')).toBe(1);
    const rows = Number(copy.value('SELECT count(*) FROM findings'));
    expect(rows % 50).toBe(0);
    expect(rows).toBeGreaterThanOrEqual(20 * 50);
    copy.close();
  });

  it('one that cannot be written is told, leaves nothing, and the journal goes on', async () => {
    const { journal } = folder.open();
    journal.close();
    await expect(journal.backup(new Date('2026-03-01T01:00:00.000Z'))).rejects.toThrow(JournalError);
    expect(readdirSync(join(folder.path, 'backups'))).toEqual([]);
  });
});

describe('figures', () => {
  it('tell what was done and what is there', async () => {
    const { journal } = folder.open();
    journal.commit(
      entry({ findings: [tracked('f1'), resolved('f2', '2026-03-01T00:00:00Z')], transitions: [step('f1')] }),
    );
    expect(() => journal.commit(entry({ findings: [tracked('f1', { episode: 2 })] }))).toThrow(JournalError);
    expect(journal.figures().map(({ name }) => name)).not.toContain('plumbline_journal_backup_timestamp_seconds');
    await journal.backup(new Date());
    const told = new Map(
      journal.figures().map(({ name, labels, value }) => [[name, ...Object.values(labels ?? {})].join(' '), value]),
    );
    const size = [
      'plumbline_journal_bytes',
      'plumbline_journal_commit_seconds_total',
      'plumbline_journal_backup_timestamp_seconds',
    ];
    expect(size.map((name) => (told.get(name) ?? 0) > 0)).toEqual([true, true, true]);
    for (const name of size) told.delete(name);
    expect(Object.fromEntries(told)).toEqual({
      plumbline_journal_commits_total: 1,
      plumbline_journal_commit_failures_total: 1,
      plumbline_journal_backup_failures_total: 0,
      plumbline_journal_unreadable_rows_total: 0,
      'plumbline_journal_rows open': 1,
      'plumbline_journal_rows ended': 1,
      'plumbline_journal_rows transitions': 1,
      'plumbline_journal_rows setAside': 0,
    });
    journal.close();
  });
});

function manyOf(round: number) {
  return entry({ findings: Array.from({ length: 50 }, (_, index) => tracked(`f${round}-${index}`)) });
}

function figure(journal: SqliteJournal, name: string, kind?: string): number | undefined {
  const found = journal
    .figures()
    .find((each) => each.name === `plumbline_journal_${name}` && each.labels?.kind === kind);
  return found?.value;
}
