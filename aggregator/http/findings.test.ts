import { describe, expect, it } from 'vitest';
import { auditRecord, minutesAgo, tracked } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import { memoryJournal } from '../../test/memory-journal.ts';
import { oneSubjectOfEachKind } from '../../test/subjects.ts';
import type { Transition, TrackedFinding } from '../model/lifecycle.ts';
import { buildApp } from './app.ts';
import type { HttpOptions } from './options.ts';

/** A list as far as these tests read it. */
interface List {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly total: number | null;
  readonly next: string | null;
}

async function get(options: Partial<HttpOptions>, url: string) {
  const answer = await buildApp(httpOptions(options)).inject(url);
  return { status: answer.statusCode, body: answer.json() };
}

async function listed(options: Partial<HttpOptions>, url: string): Promise<List> {
  const { status, body } = await get(options, url);
  expect(status).toBe(200);
  return body;
}

async function fingerprints(options: Partial<HttpOptions>, url: string): Promise<readonly unknown[]> {
  return (await listed(options, url)).items.map(({ fingerprint }) => fingerprint);
}

const inPayments = { kind: 'Service', namespace: 'payments', name: 'web', port: '', protocol: 'tcp' } as const;
const several = [
  tracked('stale-endpoint', { fingerprint: 'a', severity: 'high', node: 'node-b' }),
  tracked('missing-base-jump', { fingerprint: 'b', node: 'node-c', subject: { kind: 'Node', name: 'node-c' } }),
  tracked('stale-endpoint', { fingerprint: 'c', severity: 'high', node: 'node-a', subject: inPayments }),
  tracked('orphaned-chains', { fingerprint: 'd', severity: 'low', state: 'pending', knownState: 'pending' }),
];
const record = auditRecord({ findings: several });

function ended(fingerprint: string, minutes: number, changes: Partial<TrackedFinding> = {}): TrackedFinding {
  return tracked('stale-service', { fingerprint, state: 'resolved', endedAt: minutesAgo(minutes), ...changes });
}

function journalOf(findings: readonly TrackedFinding[], transitions: readonly Transition[] = []) {
  const journal = memoryJournal();
  journal.commit({ findings, withdrawn: [], transitions });
  return journal;
}

describe('the findings', () => {
  it('are those that have not ended, most urgent first, then by check, node and subject', async () => {
    expect(await fingerprints({ record }, '/api/v1/findings')).toEqual(['b', 'c', 'a', 'd']);
  });

  it('are shown whatever they are about', async () => {
    const findings = oneSubjectOfEachKind.map((subject, at) => tracked('made-up', { fingerprint: `f${at}`, subject }));
    const { items } = await listed({ record: auditRecord({ findings }) }, '/api/v1/findings');
    const byName = (subjects: readonly unknown[]) => subjects.map((one) => JSON.stringify(one)).sort();
    expect(byName(items.map(({ subject }) => subject))).toEqual(byName(oneSubjectOfEachKind));
  });

  it('have every field, the number of nodes with the same trouble, and nothing that is kept inside', async () => {
    const elsewhere = tracked('stale-endpoint', { fingerprint: 'e', node: 'node-c', nodeUid: 'uid-of-node-c' });
    const one = tracked('stale-endpoint', {
      evidence: [
        { kind: 'rule', table: 'nat', rule: '-A KUBE-SERVICES -j KUBE-SVC-1', note: '' },
        { kind: 'backend', frontend: 'tcp 10.96.0.1:80', backend: '10.244.1.9:8080', state: 'stale' },
        { kind: 'forwarding', frontend: 'tcp 10.96.0.1:80', wanted: 'forward', real: 'drop' },
        { kind: 'fact', name: 'chains', value: '2' },
      ],
      remediation: [{ command: 'kubectl get pods', effect: 'Shows pods.' }],
    });
    const body = await listed({ record: auditRecord({ findings: [one, elsewhere] }) }, '/api/v1/findings?node=node-b');
    const { nodeUid, clean, readings, lastReading, frontends, ...shown } = one;
    expect([nodeUid, clean, readings, lastReading, frontends]).not.toContain(undefined);
    expect(body).toEqual({
      apiVersion: 'plumbline.dev/v1',
      kind: 'FindingList',
      items: [{ ...shown, groupNodes: 2 }],
      total: 1,
      next: null,
    });
  });

  it.each([
    ['severity=high', ['c', 'a']],
    ['severity=high&severity=low', ['c', 'a', 'd']],
    ['check=missing-base-jump', ['b']],
    ['node=node-a', ['c']],
    ['state=pending', ['d']],
    ['layer=L1', []],
    ['namespace=payments', ['c']],
    ['service=web', ['c', 'a', 'd']],
    ['service=shop/web', ['a', 'd']],
    ['group=stale-endpoint%20of%20shop/web', ['c', 'a']],
    ['severity=high&node=node-b', ['a']],
  ])('are chosen by %s', async (query, expected) => {
    expect(await fingerprints({ record }, `/api/v1/findings?${query}`)).toEqual(expected);
  });
});

describe('pages of findings', () => {
  const many = Array.from({ length: 7 }, (_, index) =>
    tracked('stale-endpoint', { fingerprint: `f${index}`, node: `node-${index}` }),
  );

  it('have as many items as asked for, how many there are, and the way to the next', async () => {
    const app = buildApp(httpOptions({ record: auditRecord({ findings: many }) }));
    const seen: unknown[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor: string = next === '' ? '' : `&cursor=${next}`;
      const page: List = (await app.inject(`/api/v1/findings?limit=3${cursor}`)).json();
      seen.push([page.items.map(({ fingerprint }) => fingerprint), page.total]);
      next = page.next;
    }
    expect(seen).toEqual([
      [['f0', 'f1', 'f2'], 7],
      [['f3', 'f4', 'f5'], 7],
      [['f6'], 7],
    ]);
  });

  it('lose and repeat nothing when findings come and go between them', async () => {
    const changing = auditRecord({ findings: many });
    const app = buildApp(httpOptions({ record: changing }));
    const first: List = (await app.inject('/api/v1/findings?limit=3')).json();
    const urgent = tracked('missing-base-jump', { fingerprint: 'new' });
    changing.says.findings = [urgent, ...many.filter(({ fingerprint }) => fingerprint !== 'f2')];
    const second: List = (await app.inject(`/api/v1/findings?limit=3&cursor=${first.next}`)).json();
    expect(second.items.map(({ fingerprint }) => fingerprint)).toEqual(['f3', 'f4', 'f5']);
  });

  it('can be asked for behind a subject of any length', async () => {
    const long = ['a', 'b', 'c'].map((fingerprint) =>
      tracked('orphaned-chains', { fingerprint, subject: { kind: 'Rule', name: 'x'.repeat(9_000) } }),
    );
    const app = buildApp(httpOptions({ record: auditRecord({ findings: long }) }));
    const first: List = (await app.inject('/api/v1/findings?limit=2')).json();
    const second: List = (await app.inject(`/api/v1/findings?limit=2&cursor=${first.next}`)).json();
    expect([first, second].map(({ items }) => items.map(({ fingerprint }) => fingerprint))).toEqual([
      ['a', 'b'],
      ['c'],
    ]);
  });
});

describe('findings that ended', () => {
  const journal = journalOf([ended('old', 60), ended('new', 1), ended('deleted', 30, { state: 'gone' })]);

  it('come from the journal, newest first, and nobody counts them', async () => {
    const { items, total, next } = await listed({ journal }, '/api/v1/findings?state=resolved&state=gone');
    expect([items.map(({ fingerprint }) => fingerprint), total, next]).toEqual([['new', 'deleted', 'old'], null, null]);
  });

  it('are chosen like others', async () => {
    expect(await fingerprints({ journal }, '/api/v1/findings?state=gone')).toEqual(['deleted']);
  });

  it('follow the open ones, over all pages', async () => {
    const app = buildApp(httpOptions({ record, journal }));
    const pages: unknown[] = [];
    let cursor = '';
    for (let page = 0; page < 9 && cursor !== 'end'; page += 1) {
      const { items, next }: List = (
        await app.inject(`/api/v1/findings?state=firing&state=resolved&state=gone&limit=2${cursor}`)
      ).json();
      pages.push(items.map(({ fingerprint }) => fingerprint));
      cursor = next === null ? 'end' : `&cursor=${next}`;
    }
    expect(pages).toEqual([
      ['b', 'c'],
      ['a', 'new'],
      ['deleted', 'old'],
    ]);
  });

  it('are looked for in a long history without reading all of it at once', async () => {
    const others = Array.from({ length: 6_000 }, (_, index) => ended(`r${index}`, index + 2));
    const long = { journal: journalOf([...others, ended('rare', 7_000, { node: 'node-z' })]) };
    const app = buildApp(httpOptions(long));
    const first: List = (await app.inject('/api/v1/findings?state=resolved&node=node-z')).json();
    const second: List = (await app.inject(`/api/v1/findings?state=resolved&node=node-z&cursor=${first.next}`)).json();
    expect([first.items, second.items.map(({ fingerprint }) => fingerprint), second.next]).toEqual([
      [],
      ['rare'],
      null,
    ]);
  });
});

describe('one finding', () => {
  it('is told as a document', async () => {
    const { status, body } = await get({ record }, '/api/v1/findings/a');
    const { apiVersion, kind, fingerprint, groupNodes } = body;
    expect([status, apiVersion, kind, fingerprint, groupNodes]).toEqual([200, 'plumbline.dev/v1', 'Finding', 'a', 2]);
  });

  it('is told after it ended', async () => {
    const { status, body } = await get({ journal: journalOf([ended('old', 60)]) }, '/api/v1/findings/old');
    expect([status, body.state, body.endedAt, body.groupNodes]).toEqual([200, 'resolved', minutesAgo(60), 0]);
  });

  it('that never was is not found', async () => {
    expect(await get({ record }, '/api/v1/findings/z')).toEqual({
      status: 404,
      body: {
        type: 'tag:plumbline.dev,2026:problem:no-such-finding',
        title: 'There is no such finding',
        status: 404,
        code: 'no-such-finding',
        detail: 'No finding, open or ended, has the fingerprint "z". GET /api/v1/findings lists them.',
      },
    });
  });
});

describe('the history of a finding', () => {
  const step = (kind: Transition['kind'], minutes: number): Transition => {
    return { fingerprint: 'old', episode: 1, at: minutesAgo(minutes), kind, because: `It is ${kind}.` };
  };
  const journal = journalOf([ended('old', 60)], [step('pending', 90), step('firing', 80), step('resolved', 60)]);

  it('is told newest first', async () => {
    expect(await get({ journal }, '/api/v1/findings/old/history')).toEqual({
      status: 200,
      body: {
        apiVersion: 'plumbline.dev/v1',
        kind: 'TransitionList',
        items: [step('resolved', 60), step('firing', 80), step('pending', 90)],
        total: 3,
        next: null,
      },
    });
  });

  it('says when it is not all of it', async () => {
    const { items, total } = await listed({ journal }, '/api/v1/findings/old/history?limit=2');
    expect([items.length, total]).toEqual([2, null]);
  });

  it('of a finding that never was is not found', async () => {
    expect((await get({ journal }, '/api/v1/findings/z/history')).body.code).toBe('no-such-finding');
  });
});
