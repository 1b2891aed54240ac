import { describe, expect, it } from 'vitest';
import { type FindingRow, filtersOf, linesOf, matches, queryOf, toggled, urgency } from './finding-rows.ts';

function row(fingerprint: string, changes: Partial<FindingRow> = {}): FindingRow {
  return {
    fingerprint,
    check: 'stale-endpoint',
    layer: 'L3',
    severity: 'critical',
    state: 'firing',
    node: 'node-b',
    subject: 'shop/web:http',
    service: 'shop/web',
    summary: 'node-b forwards shop/web to a pod that is gone.',
    since: '2026-11-23T02:14:00Z',
    parent: null,
    groupNodes: 1,
    ...changes,
  };
}

const plain = filtersOf(new URLSearchParams());

describe('filters', () => {
  it('are the query, and come back out of it as they were', () => {
    const text = 'state=firing&severity=critical&severity=high&node=node-b&q=web&group=node';
    const filters = filtersOf(new URLSearchParams(text));
    expect(queryOf(filters).toString()).toBe(text);
    expect(queryOf(plain).toString()).toBe('');
  });

  it('pass over what a query has beyond them', () => {
    expect(queryOf(filtersOf(new URLSearchParams('colour=red&state=&group=tree'))).toString()).toBe('');
  });

  it('are put on and off by pressing', () => {
    const on = toggled(plain, 'severity', 'high');
    expect(queryOf(toggled(on, 'severity', 'low')).toString()).toBe('severity=high&severity=low');
    expect(queryOf(toggled(on, 'severity', 'high')).toString()).toBe('');
  });

  it('match any value of a name, and every name; letters anywhere', () => {
    const filters = filtersOf(new URLSearchParams('severity=high&severity=critical&node=node-b&q=SHOP'));
    expect(matches(row('1'), filters)).toBe(true);
    expect(matches(row('1', { node: 'node-a' }), filters)).toBe(false);
    expect(matches(row('1', { severity: 'low' }), filters)).toBe(false);
    expect(matches(row('1', { subject: 'x', summary: 'y' }), filters)).toBe(false);
  });
});

describe('what hurts most', () => {
  it('fires, is critical, and is known longest', () => {
    const rows = [
      row('pending', { state: 'pending' }),
      row('low', { severity: 'low' }),
      row('young', { since: '2026-11-23T03:00:00Z' }),
      row('old'),
      row('unknown', { state: 'unknown' }),
    ];
    expect(rows.sort(urgency).map(({ fingerprint }) => fingerprint)).toEqual([
      'old',
      'young',
      'low',
      'unknown',
      'pending',
    ]);
  });
});

describe('the list', () => {
  const rows = new Map(
    [
      row('cause', { check: 'proxy-stalled', service: null }),
      row('one', { parent: 'cause', since: '2026-11-23T02:15:00Z' }),
      row('two', { parent: 'cause', since: '2026-11-23T02:16:00Z' }),
      row('orphan', { parent: 'elsewhere', node: 'node-a', severity: 'low' }),
    ].map((each) => [each.fingerprint, each]),
  );
  const keys = (lines: ReturnType<typeof linesOf>) => lines.map(({ key }) => key);

  it('folds what follows from a cause below it', () => {
    const lines = linesOf(rows, plain, new Set());
    expect(keys(lines)).toEqual(['cause', 'orphan']);
    expect(lines[0]).toMatchObject({ below: 2 });
    expect(keys(linesOf(rows, plain, new Set(['cause'])))).toEqual(['cause', 'one', 'two', 'orphan']);
  });

  it('shows an effect by itself whose cause does not fit the filters', () => {
    const filters = filtersOf(new URLSearchParams('check=stale-endpoint'));
    expect(keys(linesOf(rows, filters, new Set()))).toEqual(['one', 'two', 'orphan']);
  });

  it('stands under headlines by node, Service or check', () => {
    const filters = filtersOf(new URLSearchParams('group=node'));
    expect(keys(linesOf(rows, filters, new Set()))).toEqual([
      'of node-b',
      'cause',
      'one',
      'two',
      'of node-a',
      'orphan',
    ]);
    const byService = linesOf(rows, filtersOf(new URLSearchParams('group=service')), new Set());
    expect(byService[0]).toEqual({ kind: 'headline', key: 'of no Service', title: 'no Service', count: 1 });
  });
});
