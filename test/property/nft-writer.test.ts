/** The writer is held against what a real kube-proxy wrote, or the properties built on it would prove nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import { valueOr } from '../../proto/profile.ts';
import { address, prefix, prefixDetector } from '../builders.ts';
import { readFlowCases } from '../kube-proxy-flows.ts';
import { type NftText, readNftText } from '../nft-packet-by-hand.ts';
import { recordingFolder } from '../recordings.ts';
import { printNft } from './nft-written.ts';
import { writeNft } from './nft-writer.ts';

/**
 * All that packets meet, in an order that is nobody's. The clients that affinity sets have seen are the kernel's, and
 * chains without rules those of Services that were: kube-proxy deletes them with a later sync.
 */
function comparable({ chains, elements, timeouts }: NftText): unknown {
  const sorted = <T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const listed = [...elements].filter(([name]) => !name.startsWith('affinity-'));
  return {
    chains: sorted(new Map([...chains].filter(([, rules]) => rules.length > 0))),
    elements: sorted(new Map(listed.map(([name, held]) => [name, [...held].sort()] as const))),
    timeouts: sorted(timeouts),
  };
}

function recordedState(recording: string): ClusterState {
  const api = (kind: string): unknown =>
    JSON.parse(readFileSync(join(recordingFolder(recording), 'api', `${kind}.json`), 'utf8'));
  const state = readClusterState({
    services: api('services'),
    endpointSlices: api('endpointslices'),
    nodes: api('nodes'),
  });
  if (!state.ok) throw new Error(state.problems[0]);
  return state.value;
}

const families = [
  { family: 'ipv4', table: 'ip kube-proxy', own: '192.168.100.13', pods: '10.244.0.0/16', range: '10.96.0.0/16' },
  {
    family: 'ipv6',
    table: 'ip6 kube-proxy',
    own: 'fd00:100::13',
    pods: 'fd00:10:244::/56',
    range: 'fd00:10:96::/112',
  },
] as const;

describe('the table written for a cluster', () => {
  it.each(['s1-healthy', 's2-stale-stopped'].flatMap((recording) => families.map((one) => ({ recording, ...one }))))(
    'is the one that kube-proxy v1.36 wrote on node-c of $recording, $family',
    (given) => {
      const { recording, family, table, own, pods, range } = given;
      const state = recordedState(recording);
      const zone = state.nodes.find(({ name }) => name === 'node-c')?.zone ?? null;
      const written = writeNft(
        {
          configuration: {
            shape: 'v1.36',
            family,
            detector: prefixDetector(pods),
            masqueradeAll: false,
            markBit: 14,
            nodePorts: [address(own)],
            serviceRanges: [prefix(range)],
          },
          place: { nodeName: 'node-c', zone, nodeHints: true },
          primaryAddress: address(own),
        },
        state,
      );
      const recorded = readFileSync(join(recordingFolder(recording), 'node-c/nft-list-ruleset.txt'), 'utf8');
      expect(comparable(readNftText(printNft(written), table))).toEqual(comparable(readNftText(recorded, table)));
    },
  );
});

/** Those of kube-proxy's own cases that hold the cluster as well as the rules. */
const cases = (readFlowCases('nftables') ?? []).filter(({ services }) => services !== null);

if (cases.length === 0) process.stdout.write('nftables writer: 24 cases not run: kube-proxy-flows is not at hand\n');

describe.runIf(cases.length > 0)("the table written for a cluster of kube-proxy's own unit tests", () => {
  it.each(cases)('$name is the one that kube-proxy wrote', (given) => {
    const { profile, nodeName, strays, rules } = given;
    const state = readClusterState({
      services: { items: given.services },
      endpointSlices: { items: given.endpointSlices },
      nodes: { items: [] },
    });
    if (!state.ok) throw new Error(state.problems[0]);
    const [family = 'ipv4'] = profile.families;
    const table = family === 'ipv6' ? 'ip6 kube-proxy' : 'ip kube-proxy';
    const recorded = readNftText(rules, table);
    const written = writeNft(
      {
        configuration: {
          shape: 'v1.36',
          family,
          detector: valueOr(profile.localDetector[family], { kind: 'none' }),
          masqueradeAll: valueOr(profile.masqueradeAll, false),
          markBit: 14,
          nodePorts: (recorded.elements.get('nodeport-ips') ?? []).map(address),
          serviceRanges: strays.dropped,
        },
        place: { nodeName, zone: null, nodeHints: true },
        primaryAddress: null,
      },
      state.value,
    );
    expect(comparable(readNftText(printNft(written), table))).toEqual(comparable(recorded));
  });
});
