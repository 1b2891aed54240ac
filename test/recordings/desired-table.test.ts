/** The desired table of recorded nodes in sync, held against a packet-by-packet reading of the rules recorded there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import type { Address, Family } from '../../proto/address.ts';
import { familyOf, parseAddress } from '../../proto/address.ts';
import type { Forwarding, Frontend } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { answerFlow } from '../answer-flow.ts';
import { address, known, prefixDetector, profile } from '../builders.ts';
import { followPacket, readRuleText, servicePortsIn } from '../packet-by-hand.ts';
import { recordingFolder } from '../recordings.ts';

interface RecordedNode {
  readonly folder: string;
  readonly api: string;
  readonly name: string;
  readonly backend: 'nft' | 'legacy';
  readonly zone: string;
  /** kube-proxy's local detector: the cluster's pod range (node-a) or the node's (node-b). */
  readonly detectors: readonly [string, string];
}

const nodeA = {
  name: 'node-a',
  backend: 'nft',
  zone: 'zone-1',
  detectors: ['10.244.0.0/16', 'fd00:10:244::/56'],
} as const;
const nodeB = {
  name: 'node-b',
  backend: 'legacy',
  zone: 'zone-2',
  detectors: ['10.244.2.0/24', 'fd00:10:244:2::/64'],
} as const;

function recorded(scenario: string, node: typeof nodeA | typeof nodeB): RecordedNode {
  const folder = recordingFolder(scenario);
  return { ...node, folder: join(folder, node.name), api: join(folder, 'api') };
}

const inSync: readonly (readonly [string, RecordedNode])[] = [
  ['s1-healthy, node-a', recorded('s1-healthy', nodeA)],
  ['s1-healthy, node-b', recorded('s1-healthy', nodeB)],
  ['s2-stale-stopped after the changes, node-a', recorded('s2-stale-stopped', nodeA)],
  ['s5-recovered, node-a', recorded('s5-recovered', nodeA)],
  ['s5-recovered, node-b', recorded('s5-recovered', nodeB)],
  ['s5b-recovered-after-mixed, node-b', recorded('s5b-recovered-after-mixed', nodeB)],
  ['s2b-stale-partition, node-a', recorded('s2b-stale-partition', nodeA)],
];

/** Sources of every origin, in and out of the recorded load balancer's ranges (198.51.100.0/24, 10.0.0.0/8). */
const sources: { readonly [family in Family]: readonly string[] } = {
  ipv4: ['10.244.1.200', '10.244.2.200', '192.168.100.200', '198.51.100.200', '203.0.113.200', '10.1.2.3'],
  ipv6: ['fd00:10:244:1::200', 'fd00:10:244:2::200', 'fd00:100::200', '2001:db8::200'],
};

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function stateOf(api: string): ClusterState {
  const reading = readClusterState({
    services: readJson(join(api, 'services.json')),
    endpointSlices: readJson(join(api, 'endpointslices.json')),
    nodes: readJson(join(api, 'nodes.json')),
  });
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  return reading.value;
}

function localAddressesOf(folder: string): readonly Address[] {
  const links = readJson(join(folder, 'net/ip-addr.json')) as readonly { addr_info: readonly { local: string }[] }[];
  return links.flatMap(({ addr_info: addresses }) => addresses.flatMap(({ local }) => parseAddress(local) ?? []));
}

function profileOf({ name, detectors }: RecordedNode, localAddresses: readonly Address[]): NodeProfile {
  const [ipv4, ipv6] = detectors;
  return profile({
    nodeName: known(name),
    families: ['ipv4', 'ipv6'],
    localAddresses: known(localAddresses),
    localDetector: { ipv4: known(prefixDetector(ipv4)), ipv6: known(prefixDetector(ipv6)) },
  });
}

function ruleTextOf({ folder, backend }: RecordedNode, family: Family): string {
  const program = family === 'ipv4' ? 'iptables' : 'ip6tables';
  return readFileSync(join(folder, `${program}-${backend}-save.txt`), 'utf8');
}

describe.each(inSync)('%s', (_, node) => {
  const localAddresses = localAddressesOf(node.folder);
  const nodeProfile = profileOf(node, localAddresses);
  const { table } = desiredState(stateOf(node.api), { name: node.name, zone: node.zone, profile: nodeProfile });

  describe.each(['ipv4', 'ipv6'] as const)('%s', (family) => {
    const rules = readRuleText(ruleTextOf(node, family));
    const entries = [...table.values()].filter(({ frontend }) => frontend.family === family);

    it('wants exactly the frontends that the rules name', () => {
      const wanted = entries.map(({ frontend }) => `${frontend.protocol} ${frontend.address}:${frontend.port}`);
      expect(wanted.sort()).toEqual([...servicePortsIn(rules)].sort());
      expect(wanted.length).toBeGreaterThan(family === 'ipv4' ? 40 : 2);
    });

    it('wants of every packet what the rules do with it', () => {
      const own = localAddresses.filter((one) => familyOf(one) === family && !one.startsWith('127.') && one !== '::1');
      const primary = own[0];
      if (primary === undefined) throw new Error('the node has no address');
      for (const { frontend, forwarding } of entries) {
        const to = frontend.address === 'node' ? primary : frontend.address;
        for (const from of [...sources[family].map(address), primary, ...(frontend.address === 'node' ? [] : [to])]) {
          const flow = { from, to, port: frontend.port, protocol: frontend.protocol };
          const followed = followPacket(rules, flow, localAddresses);
          const situation = `${from} to ${nameOf(frontend)}`;
          const wanted = answerFlow(table, nodeProfile, flow);
          const affinitySeconds = followed.answer.output[0]?.includes(':') ? affinityOf(forwarding) : 0;
          expect({ situation, answer: wanted, affinitySeconds }).toEqual({ situation, ...followed });
        }
      }
    });
  });
});

function nameOf({ protocol, address: to, port }: Frontend): string {
  return `${protocol} ${to}:${port}`;
}

/** Of any origin that is forwarded: it is the same for all. */
function affinityOf(forwarding: Forwarding): number | 'partial' {
  for (const origin of origins) {
    const { route } = forwarding[origin];
    if (route.action === 'forward') return route.affinitySeconds;
  }
  return 0;
}
