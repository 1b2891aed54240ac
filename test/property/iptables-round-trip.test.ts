/** Rules written for random clusters and read back: what is whole reads as wanted, what is damaged does not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drift } from '../../aggregator/audit/drift.ts';
import { tableDigest } from '../../proto/canonical.ts';
import type { Alteration } from './alterations.ts';
import { alterations, applyAlteration } from './alterations.ts';
import type { RandomCluster } from './cluster-arbitrary.ts';
import { randomCluster } from './cluster-arbitrary.ts';
import { outcomes, wordRules } from './packet-outcomes.ts';
import { desiredOf, observedTable, writtenRules } from './round-trip.ts';
import { silentBecause } from './silent-rules.ts';
import { testPackets } from './test-packets.ts';

const seed = 20_261_122;

/** The packets that fare differently once the rules are altered, as text. */
function packetsThatTell(cluster: RandomCluster, alteration: Alteration): readonly string[] {
  const desired = desiredOf(cluster);
  const rules = writtenRules(cluster, desired);
  const whole = wordRules(rules, cluster.node.localAddresses);
  const altered = wordRules(applyAlteration(rules, alteration), cluster.node.localAddresses);
  const affinityLists = [...new Set(rules.flatMap((one) => one.rules.flatMap(listOf)))];
  return testPackets(cluster, desired.table, { affinityLists }).flatMap((packet) => {
    const before = outcomes(whole, packet).join(', ');
    const after = outcomes(altered, packet).join(', ');
    return before === after ? [] : [`${JSON.stringify(packet)}: ${before}, now ${after}`];
  });
}

/** The list that a rule asks for clients it has seen. */
function listOf(line: string): readonly string[] {
  const words = line.split(' ');
  return words.includes('--rcheck') ? [words[words.indexOf('--name') + 1] ?? ''] : [];
}

function driftAfter(cluster: RandomCluster, alteration: Alteration): number {
  const desired = desiredOf(cluster);
  const altered = applyAlteration(writtenRules(cluster, desired), alteration);
  return drift(desired.table, observedTable(cluster, altered)).length;
}

/** One alteration of the rules of one cluster. */
const damagedCluster = randomCluster(2).chain((cluster) => {
  const all = alterations(writtenRules(cluster, desiredOf(cluster)));
  return fc.record({ cluster: fc.constant(cluster), alteration: fc.constantFrom(...all) });
});

describe('the rules of a random cluster as kube-proxy writes them', () => {
  it('read back as the table that they were written for', () => {
    fc.assert(
      fc.property(randomCluster(4), (cluster) => {
        const desired = desiredOf(cluster);
        const observed = observedTable(cluster, writtenRules(cluster, desired));
        expect(drift(desired.table, observed)).toEqual([]);
        expect(tableDigest(observed)).toBe(tableDigest(desired.table));
      }),
      { seed, numRuns: 1_000 },
    );
  });

  it('show no drift from themselves', () => {
    fc.assert(
      fc.property(randomCluster(4), (cluster) => {
        const once = observedTable(cluster, writtenRules(cluster, desiredOf(cluster)));
        const again = observedTable(cluster, writtenRules(cluster, desiredOf(cluster)));
        expect(drift(once, again)).toEqual([]);
      }),
      { seed, numRuns: 100 },
    );
  });
});

describe('one rule deleted or altered', () => {
  it('is a drift, unless no packet to any frontend can tell', () => {
    let seen = 0;
    fc.assert(
      fc.property(damagedCluster, ({ cluster, alteration }) => {
        if (driftAfter(cluster, alteration) > 0) seen++;
        else expect(packetsThatTell(cluster, alteration)).toEqual([]);
      }),
      { seed, numRuns: 2_000 },
    );
    // Not an empty promise: most of all damage shows.
    expect(seen).toBeGreaterThan(1_200);
  });

  it('is no drift where the rule is one that no packet can tell from its absence', () => {
    fc.assert(
      fc.property(randomCluster(3), (cluster) => {
        const deletions = alterations(writtenRules(cluster, desiredOf(cluster))).filter(
          ({ altered }) => altered === null,
        );
        const silent = deletions.filter(({ table, line }) => silentBecause(table, line) !== null);
        for (const deletion of silent) {
          expect([deletion.line, driftAfter(cluster, deletion)]).toEqual([deletion.line, 0]);
          expect(packetsThatTell(cluster, deletion)).toEqual([]);
        }
      }),
      { seed, numRuns: 25 },
    );
  });
});
