import { describe, expect, it } from 'vitest';
import { tracked } from '../../test/audit-record.ts';
import type { Subject } from '../model/finding.ts';
import { groupNodeFigures } from './group-figures.ts';

/** What is told of each group, as `labels = value`; all figures have the one name. */
function told(...findings: Parameters<typeof groupNodeFigures>[0]) {
  const { figures } = groupNodeFigures(findings);
  expect(new Set(figures.map(({ name, kind }) => `${kind} ${name}`)).size).toBeLessThan(2);
  return figures.map(({ labels, value }) => ({ ...labels, value }));
}

const stale = {
  check: 'stale-endpoint',
  layer: 'L3',
  severity: 'critical',
  subject_kind: 'Service',
  namespace: 'shop',
  name: 'web',
  node: 'node-b',
  value: 1,
};

function service(name: string, port = ''): Subject {
  return { kind: 'Service', namespace: 'shop', name, port, protocol: 'tcp' };
}

describe('a group of findings', () => {
  it('on one node has its name', () => expect(told(tracked('stale-endpoint'))).toEqual([stale]));

  it('on several nodes is one series with their number, and none of their names', () => {
    expect(told(tracked('stale-endpoint', { node: 'node-a' }), tracked('stale-endpoint'))).toEqual([
      { ...stale, node: '', value: 2 },
    ]);
  });

  it('of two ports of one Service is one series, and a node with both counts once', () => {
    const ports = ['http', 'https'].map((port) => tracked('stale-endpoint', { subject: service('web', port) }));
    expect(told(...ports)).toEqual([stale]);
  });

  it('is as urgent as the most urgent of its findings', () => {
    const found = (['low', 'high', 'medium'] as const).map((severity) => tracked('stale-endpoint', { severity }));
    expect(told(...found)).toEqual([{ ...stale, severity: 'high' }]);
  });

  it('of the whole cluster counts as one', () => {
    const subject: Subject = { kind: 'Cluster', name: 'nodes without a zone' };
    expect(told(tracked('topology-skew', { node: null, subject, layer: 'L3', severity: 'medium' }))).toEqual([
      {
        check: 'topology-skew',
        layer: 'L3',
        severity: 'medium',
        subject_kind: 'Cluster',
        namespace: '',
        name: 'nodes without a zone',
        node: '',
        value: 1,
      },
    ]);
  });

  it('is told while nothing can be seen of it, if it had fired', () => {
    expect(told(tracked('stale-endpoint', { state: 'unknown' }))).toEqual([stale]);
  });

  it.each([
    ['waits to fire', { state: 'pending', knownState: 'pending' }],
    ['waited to fire when it was last seen', { state: 'unknown', knownState: 'pending' }],
    ['is accepted by its owner', { state: 'suppressed' }],
    ['follows from another', { parent: 'of-missing-base-jump' }],
  ] as const)('that %s is not told', (_, changes) => expect(told(tracked('stale-endpoint', changes))).toEqual([]));

  it('has the name of its subject as a label may hold it, and two that are cut to the same are one', () => {
    const named = (end: string) =>
      tracked('orphaned-chains', { subject: { kind: 'Rule', name: `\u001b[2J${'x'.repeat(300)}${end}` } });
    const { figures } = groupNodeFigures([named('one'), named('other')]);
    expect(figures.map(({ labels, value }) => [labels?.['name'], value])).toEqual([
      [`\\u{1b}[2J${'x'.repeat(244)}`, 1],
    ]);
  });
});

describe('more than 1,000 groups', () => {
  it('are told from the worst on: by severity, then by nodes; the others are counted', () => {
    const many = Array.from({ length: 1_100 }, (_, index) =>
      tracked('stale-endpoint', { subject: service(`s${index}`), severity: 'low' }),
    );
    const wide = ['node-a', 'node-b'].map((node) =>
      tracked('stale-endpoint', { node, subject: service('s1099'), severity: 'low' }),
    );
    const worst = tracked('stale-endpoint', { subject: service('z'), severity: 'critical' });
    const { figures, dropped } = groupNodeFigures([...many, ...wide, worst]);
    expect([figures.length, dropped]).toEqual([1_000, 101]);
    expect(figures.slice(0, 3).map(({ labels, value }) => [labels?.['name'], value])).toEqual([
      ['z', 1],
      ['s1099', 2],
      ['s0', 1],
    ]);
  });
});
