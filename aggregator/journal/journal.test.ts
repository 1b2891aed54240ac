/** What every journal promises: the one on disk, and the one in memory that stands for it in other tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { entry, resolved, step, tracked } from '../../test/journal-entries.ts';
import { memoryJournal } from '../../test/memory-journal.ts';
import { oneSubjectOfEachKind } from '../../test/subjects.ts';
import type { Journal, TrackedFinding } from '../model/lifecycle.ts';
import { JournalError } from './journal-error.ts';
import { openJournal } from './open-journal.ts';

const root = mkdtempSync(join(tmpdir(), 'plumbline-journal-'));
const opened: Journal[] = [];

function onDisk(): Journal {
  const folder = mkdtempSync(join(root, 'one-'));
  const { journal } = openJournal({ folder, now: () => new Date('2026-03-01T10:00:00Z'), tell: () => {} });
  opened.push(journal);
  return journal;
}

afterAll(() => {
  for (const journal of opened) journal.close();
  rmSync(root, { recursive: true, force: true });
});

describe.each([
  { kind: 'on disk', fresh: onDisk },
  { kind: 'in memory', fresh: memoryJournal },
])('a journal $kind', ({ fresh }) => {
  it('has nothing at first', () => {
    const journal = fresh();
    expect(journal.open()).toEqual([]);
    expect(journal.ended({ limit: 10 })).toEqual([]);
    expect(journal.find('f1')).toBeNull();
    expect(journal.history('f1', 10)).toEqual([]);
    expect(journal.lastEpisode('f1')).toBe(0);
  });

  it('gives back what was committed, field by field', () => {
    const journal = fresh();
    const one = tracked('f1', {
      evidence: [{ kind: 'fact', name: 'text', value: 'quotes " \' and \u0000 and \u{1F600}' }],
      remediation: [{ command: 'kubectl -n kube-system delete pod kube-proxy-x', effect: 'It syncs anew.' }],
      clean: { reading: 'e1/8', at: '2026-03-01T10:03:00.000Z' },
      node: null,
    });
    journal.commit(entry({ findings: [one] }));
    expect(journal.open()).toEqual([one]);
    expect(journal.find('f1')).toEqual(one);
  });

  it('gives back whatever a finding is about', () => {
    const journal = fresh();
    const all = oneSubjectOfEachKind.map((subject, at) => tracked(`f${at}`, { subject }));
    journal.commit(entry({ findings: all }));
    expect(journal.open().map(({ subject }) => subject)).toEqual(oneSubjectOfEachKind);
  });

  it('keeps one row per fingerprint and episode: the last commit counts', () => {
    const journal = fresh();
    journal.commit(entry({ findings: [tracked('f1', { state: 'pending', knownState: 'pending', firedAt: null })] }));
    journal.commit(entry({ findings: [tracked('f1')] }));
    expect(journal.open()).toEqual([tracked('f1')]);
  });

  it('numbers go on after an episode ended, and find gives the newest', () => {
    const journal = fresh();
    const first = resolved('f1', '2026-03-01T11:00:00.000Z');
    journal.commit(entry({ findings: [first] }));
    expect(journal.lastEpisode('f1')).toBe(1);
    const second = tracked('f1', { episode: 2 });
    journal.commit(entry({ findings: [second] }));
    expect(journal.lastEpisode('f1')).toBe(2);
    expect(journal.find('f1')).toEqual(second);
    expect(journal.open()).toEqual([second]);
    expect(journal.ended({ limit: 10 })).toEqual([first]);
  });

  it('an episode may end and the next open in one commit, in any order', () => {
    const journal = fresh();
    journal.commit(entry({ findings: [tracked('f1')] }));
    const second = tracked('f1', { episode: 2 });
    journal.commit(entry({ findings: [second, resolved('f1', '2026-03-01T11:00:00.000Z')] }));
    expect(journal.open()).toEqual([second]);
  });

  it('a withdrawn finding is gone, its number is not used again and its steps stay', () => {
    const journal = fresh();
    const withdrawal = step('f1', { kind: 'withdrawn' });
    journal.commit(entry({ findings: [tracked('f1')], transitions: [step('f1', { kind: 'pending' })] }));
    journal.commit(entry({ withdrawn: [{ fingerprint: 'f1', episode: 1 }], transitions: [withdrawal] }));
    expect(journal.open()).toEqual([]);
    expect(journal.find('f1')).toBeNull();
    expect(journal.lastEpisode('f1')).toBe(1);
    expect(journal.history('f1', 10)).toEqual([withdrawal, step('f1', { kind: 'pending' })]);
  });

  it('two open findings of one fingerprint are refused, with all that came along', () => {
    const journal = fresh();
    journal.commit(entry({ findings: [tracked('f1')] }));
    const twice = entry({ findings: [tracked('f2'), tracked('f1', { episode: 2 })], transitions: [step('f2')] });
    expect(() => journal.commit(twice)).toThrow(JournalError);
    expect(journal.open()).toEqual([tracked('f1')]);
    expect(journal.lastEpisode('f1')).toBe(1);
    expect(journal.lastEpisode('f2')).toBe(0);
    expect(journal.history('f2', 10)).toEqual([]);
  });

  it('tells the life of one fingerprint over all episodes, the last committed first', () => {
    const journal = fresh();
    const steps = [
      step('f1', { kind: 'pending' }),
      step('f1', { kind: 'firing' }),
      step('f1', { kind: 'resolved', at: '2026-03-01T11:00:00.000Z' }),
      step('f1', { episode: 2, kind: 'pending', at: '2026-03-01T12:00:00.000Z' }),
    ];
    journal.commit(entry({ transitions: [...steps.slice(0, 3), step('f2')] }));
    journal.commit(entry({ transitions: steps.slice(3) }));
    expect(journal.history('f1', 10)).toEqual(steps.toReversed());
    expect(journal.history('f1', 2)).toEqual(steps.toReversed().slice(0, 2));
    expect(journal.lastEpisode('f1')).toBe(2);
  });

  it('pages through what ended, newest first, with and without milliseconds', () => {
    const journal = fresh();
    const rows = [
      resolved('f5', '2026-03-01T12:00:00.500Z'),
      resolved('f4', '2026-03-01T12:00:00Z'),
      resolved('f3', '2026-03-01T11:00:00.000Z', { state: 'gone' }),
      resolved('f2', '2026-03-01T11:00:00.000Z'),
      resolved('f1', '2026-03-01T10:59:59.999Z'),
    ];
    journal.commit(entry({ findings: [rows[3], rows[0], rows[4], rows[1], rows[2], tracked('f9')].filter(isThere) }));
    expect(journal.ended({ limit: 10 })).toEqual(rows);
    expect(pages(journal, 2)).toEqual([rows.slice(0, 2), rows.slice(2, 4), rows.slice(4)]);
    expect(journal.ended({ limit: 0 })).toEqual([]);
  });

  it('what is given out can be changed by nobody', () => {
    const journal = fresh();
    const given = tracked('f1');
    journal.commit(entry({ findings: [given] }));
    Object.assign(given, { summary: 'changed' });
    for (const read of journal.open()) Object.assign(read, { summary: 'changed' });
    expect(journal.open()).toEqual([tracked('f1')]);
  });

  it('a commit without anything is none', () => {
    const journal = fresh();
    journal.commit(entry());
    expect(journal.open()).toEqual([]);
  });
});

it('the journal in memory refuses as a full disk does, and resumes', () => {
  const journal = memoryJournal();
  journal.refuse('no space');
  expect(() => journal.commit(entry({ findings: [tracked('f1')] }))).toThrow(new JournalError('disk-full', 'no space'));
  expect(journal.open()).toEqual([]);
  journal.refuse(null);
  journal.commit(entry({ findings: [tracked('f1')] }));
  expect(journal.commits).toEqual([entry({ findings: [tracked('f1')] })]);
});

function pages(journal: Journal, limit: number): readonly (readonly TrackedFinding[])[] {
  const all: (readonly TrackedFinding[])[] = [];
  for (let page = journal.ended({ limit }); page.length > 0; ) {
    all.push(page);
    const last = page.at(-1);
    if (last?.endedAt == null) throw new Error('an open finding among those that ended');
    page = journal.ended({ limit, before: { endedAt: last.endedAt, fingerprint: last.fingerprint } });
  }
  return all;
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}
