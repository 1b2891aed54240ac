/** The property that damage shows, for the short run and the long one. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { drift } from '../../aggregator/audit/drift.ts';
import type { Drift } from '../../aggregator/model/drift.ts';
import type { DesiredState } from '../../aggregator/model/desired.ts';
import { type ForwardingTable, origins } from '../../proto/forwarding.ts';
import { damagedTable, damagesOf, type NftDamage } from './nft-damages.ts';
import { nftOutcomes, wordNft } from './nft-packet-outcomes.ts';
import { answering, desiredNft, type NftCluster, observedNft, randomNftCluster, writtenNft } from './nft-round-trip.ts';
import type { WrittenNft } from './nft-written.ts';
import type { TestPacket } from './packet-outcomes.ts';
import { testPackets } from './test-packets.ts';

/** How many runs had each end. */
export interface Seen {
  readonly drifts: number;
  readonly silent: number;
}

/**
 * Damages one object of the tables of random clusters. What is damaged drifts, and nothing of another Service does;
 * or no packet to any frontend can tell.
 */
export function expectDamageToShow(options: { readonly seed: number; readonly numRuns: number }): Seen {
  let drifts = 0;
  let silent = 0;
  const damaged = fc.tuple(randomNftCluster(2), fc.nat());
  fc.assert(
    fc.property(damaged, ([cluster, choice]) => {
      const written = writtenNft(cluster);
      const all = damagesOf(written);
      const damage = all[choice % all.length];
      if (damage === undefined) throw new Error('a table without anything to damage');
      const after = damagedTable(written, damage);
      const desired = desiredNft(cluster);
      const observed = observedNft(cluster, after);
      const found = drift(desired.table, observed);
      expect([damage.what, ofOthers(found, damage, desired)]).toEqual([damage.what, []]);
      if (found.length > 0) {
        drifts++;
        return;
      }
      silent++;
      const frontends = new Map([...desired.table, ...observed]);
      expect([damage.what, packetsThatTell(cluster, frontends, [written, after])]).toEqual([damage.what, []]);
    }),
    options,
  );
  return { drifts, silent };
}

/** Frontends of other Services that differ. What serves all Services may change the fate of all of them. */
function ofOthers(found: readonly Drift[], { service }: NftDamage, { owners }: DesiredState): readonly string[] {
  if (service === null) return [];
  return found.flatMap(({ key }) => {
    const owner = owners.get(key);
    return owner === undefined || `${owner.namespace}/${owner.name}` === service ? [] : [key];
  });
}

/** The packets that fare differently after the damage, as text. */
function packetsThatTell(
  cluster: NftCluster,
  frontends: ForwardingTable,
  [written, after]: readonly [WrittenNft, WrittenNft],
): readonly string[] {
  const { localAddresses } = cluster.node;
  const whole = wordNft(written, localAddresses);
  const damaged = wordNft(after, localAddresses);
  const addresses = answering(cluster);
  const place = {
    affinityLists: [...written.sets.keys()].filter((name) => name.startsWith('affinity-')),
    nodePortAddresses: addresses === 'all' ? undefined : addresses,
  };
  return testPackets(cluster, frontends, place).flatMap((packet) => {
    const before = nftOutcomes(whole, packet).join(', ');
    const now = nftOutcomes(damaged, packet).join(', ');
    if (before === now || isRefusedEitherWay(written, packet, [before, now])) return [];
    if (isSomeHairpin(frontends, packet) && withoutHairpin(before, packet) === withoutHairpin(now, packet)) return [];
    return [`${JSON.stringify(packet)}: ${before}, now ${now}`];
  });
}

/** Where some sources are dropped by a firewall and others rejected, a table says `reject` of all: see Route. */
function isRefusedEitherWay(
  { sets }: WrittenNft,
  { to, protocol, port }: TestPacket,
  outcomes: readonly string[],
): boolean {
  const key = `${to} . ${protocol} . ${port} `;
  const isLimited = sets.get('firewall-ips')?.elements.some(({ text }) => text.startsWith(key)) === true;
  return isLimited && outcomes.every((outcome) => /^(drop|reject) 1\.0+$/.test(outcome));
}

/** Of backends that reach themselves a table says whether all, some or none are masqueraded, and not which: see Dress. */
function isSomeHairpin(frontends: ForwardingTable, { to, port, protocol }: TestPacket): boolean {
  return [...frontends.values()].some(({ frontend, forwarding }) => {
    const isAsked = frontend.port === port && frontend.protocol === protocol;
    const isTo = frontend.address === to || frontend.address === 'node';
    return isAsked && isTo && origins.some((origin) => forwarding[origin].dress?.hairpin === 'some');
  });
}

/** How a backend's packets to itself leave is left out. */
function withoutHairpin(outcomes: string, { from }: TestPacket): string {
  const itself = from.includes(':') ? `to [${from}]:` : `to ${from}:`;
  const parts = outcomes.split(', ');
  return parts.map((one) => (one.startsWith(itself) ? one.replace(/masqueraded|with its source/, '') : one)).join(', ');
}
