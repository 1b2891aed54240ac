import { describe, expect, it } from 'vitest';
import {
  countOf,
  endedLines,
  type FindingRow,
  filtersOf,
  linesOf,
  matches,
  queryOf,
  remedyOf,
  toggled,
  urgency,
} from './finding-rows.ts';

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
    remedy: null,
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

  it('stands under headlines by node, Service or check, each with its number and its worst, folded', () => {
    const filters = filtersOf(new URLSearchParams('group=node'));
    expect(keys(linesOf(rows, filters, new Set()))).toEqual(['of node-b', 'of node-a']);
    expect(keys(linesOf(rows, filters, new Set(['of node-b'])))).toEqual([
      'of node-b',
      'cause',
      'one',
      'two',
      'of node-a',
    ]);
    const byService = linesOf(rows, filtersOf(new URLSearchParams('group=service')), new Set());
    expect(byService[0]).toEqual({
      kind: 'headline',
      key: 'of no Service',
      title: 'no Service',
      count: 1,
      worst: rows.get('cause'),
    });
  });

  it('shows what has ended only where that is asked for', () => {
    const over = new Map([...rows, ['over', row('over', { state: 'resolved', node: 'node-c' })]]);
    expect(keys(linesOf(over, plain, new Set()))).toEqual(['cause', 'orphan']);
    expect(countOf(over, plain)).toBe(4);
    expect(keys(endedLines(over))).toEqual(['over']);
    const ended = filtersOf(new URLSearchParams('state=resolved'));
    expect(keys(linesOf(over, ended, new Set()))).toEqual(['over']);
    expect(countOf(over, ended)).toBe(5);
  });
});

describe('the remedy of a finding', () => {
  it('is the last one: what to look at and what to keep come before', () => {
    const [keep, restart] = [
      { command: 'iptables-save > rules', effect: 'Keeps them.' },
      { command: 'kubectl delete pod', effect: 'Writes them anew.' },
    ];
    expect([remedyOf({ remediation: [keep, restart] }), remedyOf({ remediation: [] })]).toEqual([restart, null]);
  });
});
