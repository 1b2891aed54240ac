/** A random cluster's table of nftables mode written as kube-proxy would, and read back as the agent would. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { parseNftables, traceNftables } from '../../agent/dataplane/nftables.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { drift } from '../../aggregator/audit/drift.ts';
import type { DesiredState } from '../../aggregator/model/desired.ts';
import type { Address } from '../../proto/address.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import { tableDigest } from '../../proto/canonical.ts';
import { known, prefix } from '../builders.ts';
import { type RandomCluster, randomCluster } from './cluster-arbitrary.ts';
import { iptablesProfile } from './iptables-profile.ts';
import type { NftShape } from './nft-skeleton.ts';
import { writeNft } from './nft-writer.ts';
import { printNft, type WrittenNft } from './nft-written.ts';

export interface NftCluster extends RandomCluster {
  readonly shape: NftShape;
  /** --nodeport-addresses: the node's first address by default. */
  readonly nodePorts: 'all' | 'primary';
}

export function randomNftCluster(maxServices: number): fc.Arbitrary<NftCluster> {
  return fc
    .record({
      cluster: randomCluster(maxServices),
      shape: fc.constantFrom<NftShape>('v1.36', 'endpoint chains'),
      nodePorts: fc.constantFrom('all' as const, 'primary' as const),
    })
    .map(({ cluster, shape, nodePorts }) => ({ ...cluster, shape, nodePorts }));
}

export function desiredNft({ state, node, family, shape, nodePorts }: NftCluster): DesiredState {
  const profile = {
    ...iptablesProfile(node),
    mode: known('nftables' as const),
    families: [family],
    nodePortAddresses: known(nodePorts),
    hairpin: known(shape === 'v1.36' ? ('own-endpoints' as const) : ('every-endpoint' as const)),
    refusesOwnFirst: known(shape !== 'v1.36'),
  };
  return desiredState(state, { name: node.nodeName, zone: null, profile });
}

/** The addresses that answer node ports. */
export function answering({ state, nodePorts }: NftCluster): 'all' | readonly Address[] {
  return nodePorts === 'all' ? 'all' : (state.nodes[0]?.addresses ?? []);
}

export function writtenNft(cluster: NftCluster): WrittenNft {
  const { state, node, family, shape } = cluster;
  const configuration = {
    shape,
    family,
    detector: node.localDetector[family],
    masqueradeAll: node.masqueradeAll ?? false,
    markBit: node.markBit ?? 14,
    nodePorts: answering(cluster),
    serviceRanges: [prefix(family === 'ipv6' ? 'fd00:96::/112' : '10.96.0.0/16')],
  };
  const place = { nodeName: node.nodeName, zone: null, nodeHints: true };
  return writeNft({ configuration, place, primaryAddress: state.nodes[0]?.addresses[0] ?? null }, state);
}

/** @throws when the text cannot be read as a table at all. */
export function observedNft({ node, family }: NftCluster, written: WrittenNft): ForwardingTable {
  const parsed = parseNftables(printNft(written));
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  const { localAddresses, localDetector } = node;
  return traceNftables({ tables: [{ family, table: parsed.table }], localAddresses, localDetector }).table;
}

/** Writes and reads tables of random clusters; both must be equal, and have equal digests. */
export function expectToReadBack(options: { readonly seed: number; readonly numRuns: number }): void {
  fc.assert(
    fc.property(randomNftCluster(4), (cluster) => {
      const { table } = desiredNft(cluster);
      const observed = observedNft(cluster, writtenNft(cluster));
      expect(drift(table, observed)).toEqual([]);
      expect(tableDigest(observed)).toBe(tableDigest(table));
    }),
    options,
  );
}
