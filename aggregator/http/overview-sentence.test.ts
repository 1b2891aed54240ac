import { describe, expect, it } from 'vitest';
import { minutesAgo, nodeRecord, noon, tracked } from '../../test/audit-record.ts';
import { overviewSentence, type Seen } from './overview-sentence.ts';

const threeNodes = ['node-a', 'node-b', 'node-c'].map((name) => nodeRecord(name));
const withStale = threeNodes.map((node) => (node.name === 'node-b' ? { ...node, state: 'unhealthy' as const } : node));

function sentence(seen: Partial<Seen>): string {
  return overviewSentence({ nodes: threeNodes, findings: [], services: 61, now: noon, ...seen });
}

describe('one sentence for the whole cluster', () => {
  it('says that all is well, and how much was looked at', () => {
    expect(sentence({})).toBe('All 3 nodes do what the cluster asks for; 61 Services checked.');
  });

  it('names the node that differs, since when, and how many Services that hurts', () => {
    const findings = [
      tracked('proxy-stalled', { subject: { kind: 'Node', name: 'node-b' }, since: minutesAgo(20) }),
      tracked('stale-endpoint', { parent: 'cause', since: minutesAgo(15) }),
    ];
    expect(sentence({ nodes: withStale, findings })).toBe(
      '1 of 3 nodes differs from what the cluster asks for: node-b since 11:40 UTC, 1 Service.',
    );
  });

  it('tells the day of what began before yesterday', () => {
    const findings = [tracked('stale-endpoint', { since: '2026-11-20T02:14:00.000Z' })];
    expect(sentence({ nodes: withStale, findings })).toContain('node-b since 2026-11-20 02:14 UTC');
  });

  it('names three nodes at most', () => {
    const nodes = ['e', 'd', 'c', 'b', 'a'].map((letter) => nodeRecord(`node-${letter}`, { state: 'unhealthy' }));
    expect(sentence({ nodes })).toBe(
      '5 of 5 nodes differ from what the cluster asks for: node-a, node-b, node-c and 2 more.',
    );
  });

  it('never counts a node as well of which nothing is known', () => {
    const unknown = nodeRecord('node-d', { state: 'unknown' });
    expect(sentence({ nodes: [...threeNodes, unknown] })).toBe(
      '3 of 4 nodes do what the cluster asks for; 61 Services checked. 1 node is not known.',
    );
    expect(sentence({ nodes: [unknown] })).toBe('Nothing is known of the node yet.');
    expect(sentence({ nodes: [] })).toBe('No node is known yet.');
  });

  it('tells of what may still settle, and of what is wrong with the objects themselves', () => {
    const findings = [
      tracked('stale-endpoint', { state: 'pending' }),
      tracked('service-selects-nothing', { node: null }),
      tracked('service-selects-nothing', { node: null }),
    ];
    expect(sentence({ findings })).toBe(
      "All 3 nodes do what the cluster asks for; 61 Services checked. 2 findings are about the cluster's own objects. 1 difference may still settle.",
    );
  });
});
