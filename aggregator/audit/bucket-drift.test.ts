import { describe, expect, it } from 'vitest';
import { BucketTable, leavesOf } from '../../proto/bucket-tree.ts';
import type { Entry, FrontendKey } from '../../proto/forwarding.ts';
import { service } from '../../test/builders.ts';
import { desired, here, web } from '../../test/desired-in-short.ts';
import { DriftMemo, tableDrift } from './bucket-drift.ts';

const webKey = 'tcp 10.96.0.1:80' as FrontendKey;
const none = { route: { action: 'none' }, dress: null } as const;
const nothing = { pod: none, node: none, outside: none };

function bucketsOf(table: ReadonlyMap<FrontendKey, Entry>): BucketTable {
  return new BucketTable(leavesOf(table));
}

const { table } = desired({ services: [web, service('shop/api').clusterIP('10.96.0.2').port(80)], slices: [here] });
const wanted = bucketsOf(table);

describe('two tables', () => {
  it('of equal buckets do not differ', () => {
    const memo = new DriftMemo();
    expect(tableDrift(wanted, bucketsOf(structuredClone(table)), memo)).toEqual([]);
    expect(memo.size).toBe(0);
  });

  it('differ where a bucket does, and two nodes that show the same are told the very same', () => {
    const memo = new DriftMemo();
    const damaged = new Map([...table].filter(([key]) => key !== webKey));
    const [one] = tableDrift(wanted, bucketsOf(damaged), memo);
    const [other] = tableDrift(wanted, bucketsOf(structuredClone(damaged)), memo);
    expect(one).toMatchObject({ kind: 'missing', key: webKey });
    expect(other).toBe(one);
  });

  it('do not differ where one says in so many words that nothing takes the packets', () => {
    const key = 'tcp 10.96.0.3:80' as FrontendKey;
    const frontend = { family: 'ipv4', protocol: 'tcp', address: 'node', port: 80 } as const;
    const observed = bucketsOf(new Map([...table, [key, { frontend, forwarding: nothing }]]));
    expect(tableDrift(wanted, observed, new DriftMemo())).toEqual([]);
  });

  it('are unknown where both are unknown in the same way: that is no agreement', () => {
    const twice = desired({
      services: [web, service('shop/api').port(80)],
      slices: [here],
    });
    const both = bucketsOf(twice.table);
    expect(tableDrift(both, both, new DriftMemo())).toMatchObject([
      { kind: 'unknown', key: webKey, reason: 'asked-twice' },
    ]);
  });
});

describe('the memory for differences', () => {
  it('forgets those that were used longest ago', () => {
    const memo = new DriftMemo(1);
    const [leaf] = wanted.leaves.filter(({ entries }) => entries.has(webKey));
    const [other] = wanted.leaves.filter(({ entries }) => entries.size > 0 && !entries.has(webKey));
    if (leaf === undefined || other === undefined) throw new Error('both Services fell into one bucket');
    const drifts = memo.driftOf(leaf, other);
    expect(memo.driftOf(leaf, other)).toBe(drifts);
    memo.driftOf(other, leaf);
    expect(memo.driftOf(leaf, other)).not.toBe(drifts);
    expect(memo.size).toBe(1);
  });
});
