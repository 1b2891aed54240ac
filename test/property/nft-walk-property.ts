/** The property that a table says of a packet what a simulation of the rules says, whole or damaged. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Address } from '../../proto/address.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { answerFlow } from '../answer-flow.ts';
import { known, prefix } from '../builders.ts';
import { damagedTable, damagesOf } from './nft-damages.ts';
import { nftOutcomes, wordNft } from './nft-packet-outcomes.ts';
import { answering, desiredNft, type NftCluster, observedNft, randomNftCluster, writtenNft } from './nft-round-trip.ts';
import { iptablesProfile } from './iptables-profile.ts';
import { testPackets } from './test-packets.ts';

/** Damages one object of the tables of random clusters, and asks both of packets of new clients to every frontend. */
export function expectReadAsWalked(options: { readonly seed: number; readonly numRuns: number }): void {
  // With interfaces, an address alone does not say which origin a packet is of.
  const clusters = randomNftCluster(2).filter(({ node }) => node.localDetector.ipv4.kind === 'prefix');
  fc.assert(
    fc.property(fc.tuple(clusters, fc.nat()), ([cluster, choice]) => {
      const written = writtenNft(cluster);
      const all = damagesOf(written);
      const damage = all[choice % all.length];
      if (damage === undefined) throw new Error('a table without anything to damage');
      const { walked, read } = answers(cluster, damagedTable(written, damage));
      expect([damage.what, read]).toEqual([damage.what, walked]);
    }),
    options,
  );
}

type Written = ReturnType<typeof writtenNft>;
type Answers = Readonly<Record<string, readonly string[]>>;

function answers(cluster: NftCluster, written: Written): { readonly walked: Answers; readonly read: Answers } {
  const { localAddresses } = cluster.node;
  const observed = observedNft(cluster, written);
  const rules = wordNft(written, localAddresses);
  const addresses = answering(cluster);
  const profile = profileOf(cluster, addresses);
  const place = { affinityLists: [], nodePortAddresses: addresses === 'all' ? undefined : addresses };
  const walked: Record<string, readonly string[]> = {};
  const read: Record<string, readonly string[]> = {};
  for (const packet of testPackets(cluster, new Map([...desiredNft(cluster).table, ...observed]), place)) {
    const { from, to, port, protocol, inInterface } = packet;
    // Packets that come in with an address of the node, or of the frontend, are of no origin.
    if (inInterface !== null && (localAddresses.includes(from) || from === to)) continue;
    const { output } = answerFlow(observed, profile, { from, to, port, protocol });
    if (output.some((one) => one.startsWith('UNKNOWN'))) continue;
    const name = `${from} to ${to} ${protocol} ${port}`;
    read[name] = comparable(output);
    walked[name] = comparable(nftOutcomes(rules, packet).map(plainly));
  }
  return { walked, read };
}

/** `to 10.244.1.2:8080 masqueraded 0.500000` -> `10.244.1.2:8080`, `reject 1.000000` -> `REJECT`. */
function plainly(outcome: string): string {
  const [first = '', second = ''] = outcome.split(' ');
  return first === 'to' ? second : first.toUpperCase();
}

/**
 * Tables do not tell rejected from dropped where both happen, and hold no strays: what no map lists is refused for its
 * cluster IP. Beside backends, what is lost is lost, whatever becomes of it.
 */
function comparable(outcomes: readonly string[]): readonly string[] {
  const backends = outcomes.filter((one) => one.includes(':'));
  return backends.length === 0 ? ['not served'] : [...new Set(backends)].sort();
}

function profileOf({ node }: NftCluster, addresses: 'all' | readonly Address[]): NodeProfile {
  const prefixes = (one: Address): ReturnType<typeof prefix> => prefix(`${one}/${one.includes(':') ? 128 : 32}`);
  return {
    ...iptablesProfile(node),
    nodePortAddresses: known(addresses === 'all' ? addresses : addresses.map(prefixes)),
    localhostNodePorts: known(false),
  };
}
