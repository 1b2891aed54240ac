import { describe, expect, it } from 'vitest';
import type { NodeParts } from '../../proto/parts.ts';
import { address, node } from '../../test/builders.ts';
import { FakeCluster } from '../../test/engine/fake-feeds.ts';
import { noParts, reported } from '../../test/view-builders.ts';
import { feedObjects } from './feed-objects.ts';
import { ProbeAim } from './probe-aim.ts';

/** Nodes whose agents answer at one address each, and an aim at them. */
class Bench {
  at = Date.parse('2026-11-22T10:00:00Z');
  readonly cluster = new FakeCluster(() => this.at);
  readonly reports = new Map<string, NodeParts>();
  readonly aim = new ProbeAim({
    cluster: this.cluster,
    objects: feedObjects(this.cluster),
    peers: { parts: (name) => this.reports.get(name) ?? null },
    largestPacketTo: () => 1500,
    now: () => this.at,
  });

  constructor(count: number) {
    for (let number = 1; number <= count; number++) this.add(number);
  }

  add(number: number): void {
    const at = `10.1.${number >> 8}.${number & 255}`;
    const name = `node-${number}`;
    this.cluster.setNode(node(name, at));
    const addresses = [{ link: 'eth0', address: address(at), prefixLength: 16 }];
    this.reports.set(name, {
      ...noParts,
      addresses: reported({ addresses, links: ['eth0'] }),
      probes: reported({
        ...{ listening: [address(at)], port: 9469, results: [], heard: { total: 0, first: [] } },
        ...{ refusedTargets: 0, refusals: [] },
      }),
    });
  }

  /** What is told within so many seconds: `node-1: node-2 node-3`, sorted. */
  told(seconds: number): readonly string[] {
    const told: string[] = [];
    for (let second = 0; second < seconds; second++) {
      for (const [name, targets] of this.aim.due()) told.push(`${name}: ${targets.map((one) => one.node).join(' ')}`);
      this.at += 1000;
    }
    return told.sort();
  }
}

const three = ['node-1: node-2 node-3', 'node-2: node-3 node-1', 'node-3: node-1 node-2'];

describe('agents', () => {
  it('are told their peers at once, and then again every five minutes', () => {
    const bench = new Bench(3);
    expect(bench.told(5)).toEqual(three);
    expect(bench.told(290)).toEqual([]);
    expect(bench.told(10)).toEqual(three);
  });

  it('are told within a minute that a peer is not to be probed any more', () => {
    const bench = new Bench(3);
    bench.told(5);
    bench.reports.delete('node-3');
    expect(bench.told(60)).toEqual(['node-1: node-2', 'node-2: node-1', 'node-3: ']);
  });

  it('get other peers with the next rotation, not when a node joins', () => {
    const bench = new Bench(20);
    const before = bench.told(5);
    bench.add(21);
    expect(bench.told(290)).toEqual([]);
    const after = bench.told(10);
    expect([before.length, after.length]).toEqual([20, 21]);
  });

  it('of a cluster that starts do not wait for the next rotation', () => {
    const bench = new Bench(1);
    expect(bench.told(5)).toEqual([]);
    for (let number = 2; number <= 3; number++) bench.add(number);
    expect(bench.told(30)).toEqual(three);
    for (let number = 4; number <= 20; number++) bench.add(number);
    expect(bench.told(30).length).toBe(20);
  });

  it('are told nothing while the nodes of the API are not known', () => {
    const bench = new Bench(3);
    bench.cluster.setHealth('nodes', 'not listed yet');
    expect(bench.told(120)).toEqual([]);
    bench.cluster.setHealth('nodes', null);
    expect(bench.told(1)).toEqual(three);
  });

  it('of a large cluster are told a hundred a second', () => {
    const bench = new Bench(250);
    const told = Array.from({ length: 4 }, () => bench.told(1).length);
    expect(told).toEqual([100, 100, 50, 0]);
  });

  it('of nodes that are gone are not told anything', () => {
    const bench = new Bench(3);
    bench.told(5);
    bench.cluster.deleteNode('node-3');
    bench.reports.delete('node-3');
    expect(bench.told(60)).toEqual(['node-1: node-2', 'node-2: node-1']);
  });
});
