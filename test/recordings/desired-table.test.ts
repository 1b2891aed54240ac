/** The desired table of recorded nodes in sync, held against a packet-by-packet reading of the rules recorded there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import type { Address, Family } from '../../proto/address.ts';
import { familyOf, parseAddress } from '../../proto/address.ts';
import type { Fate, Forwarding, Frontend } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { answerFlow, type Flow } from '../answer-flow.ts';
import { address, known, prefixDetector, profile } from '../builders.ts';
import { followIpvsPacket, ipvsHairpins, ipvsServicePorts, readIpvsText } from '../ipvs-packet-by-hand.ts';
import { followNftPacket, nftHairpins, nftServicePorts, readNftText } from '../nft-packet-by-hand.ts';
import { type Followed, followPacket, readRuleText, servicePortsIn } from '../packet-by-hand.ts';
import { recordingFolder } from '../recordings.ts';

interface RecordedNode {
  readonly folder: string;
  readonly api: string;
  readonly name: string;
  readonly dataplane: 'iptables-nft' | 'iptables-legacy' | 'nftables' | 'ipvs';
  readonly zone: string;
  /** kube-proxy's local detector: the cluster's pod range, or the node's (node-b). */
  readonly detectors: readonly [string, string];
}

const wholeRange = ['10.244.0.0/16', 'fd00:10:244::/56'] as const;
const nodes = {
  'node-a': { dataplane: 'iptables-nft', zone: 'zone-1', detectors: wholeRange },
  'node-b': { dataplane: 'iptables-legacy', zone: 'zone-2', detectors: ['10.244.2.0/24', 'fd00:10:244:2::/64'] },
  'node-c': { dataplane: 'nftables', zone: 'zone-1', detectors: wholeRange },
  'node-d': { dataplane: 'ipvs', zone: 'zone-2', detectors: wholeRange },
} as const satisfies Readonly<Record<string, Pick<RecordedNode, 'dataplane' | 'zone' | 'detectors'>>>;

function recorded(scenario: string, name: keyof typeof nodes): RecordedNode {
  const folder = recordingFolder(scenario);
  return { ...nodes[name], name, folder: join(folder, name), api: join(folder, 'api') };
}

const inSync: readonly (readonly [string, RecordedNode])[] = [
  ['s1-healthy, node-a', recorded('s1-healthy', 'node-a')],
  ['s1-healthy, node-b', recorded('s1-healthy', 'node-b')],
  ['s1-healthy, node-c', recorded('s1-healthy', 'node-c')],
  ['s2-stale-stopped after the changes, node-a', recorded('s2-stale-stopped', 'node-a')],
  ['s2-stale-stopped after the changes, node-c', recorded('s2-stale-stopped', 'node-c')],
  ['s5-recovered, node-a', recorded('s5-recovered', 'node-a')],
  ['s5-recovered, node-b', recorded('s5-recovered', 'node-b')],
  ['s5-recovered, node-c', recorded('s5-recovered', 'node-c')],
  ['s5b-recovered-after-mixed, node-b', recorded('s5b-recovered-after-mixed', 'node-b')],
  ['s2b-stale-partition, node-a', recorded('s2b-stale-partition', 'node-a')],
  ['s6-ipvs-healthy, node-d', recorded('s6-ipvs-healthy', 'node-d')],
  ['s6c-ipvs-recovered, node-d', recorded('s6c-ipvs-recovered', 'node-d')],
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

/** Service addresses, which are bound on kube-ipvs0, are not the node's own. */
function localAddressesOf(folder: string): readonly Address[] {
  type Links = readonly { readonly ifname: string; readonly addr_info: readonly { readonly local: string }[] }[];
  const links = (readJson(join(folder, 'net/ip-addr.json')) as Links).filter(({ ifname }) => ifname !== 'kube-ipvs0');
  return links.flatMap(({ addr_info: addresses }) => addresses.flatMap(({ local }) => parseAddress(local) ?? []));
}

function profileOf({ name, dataplane, detectors }: RecordedNode, localAddresses: readonly Address[]): NodeProfile {
  const [ipv4, ipv6] = detectors;
  const mode = dataplane === 'nftables' || dataplane === 'ipvs' ? dataplane : 'iptables';
  return profile({
    mode: known(mode),
    nodeName: known(name),
    families: ['ipv4', 'ipv6'],
    localAddresses: known(localAddresses),
    localDetector: { ipv4: known(prefixDetector(ipv4)), ipv6: known(prefixDetector(ipv6)) },
    nodePortAddresses: known(mode === 'nftables' ? 'primary' : 'all'),
    hairpin: known(mode === 'iptables' ? 'every-endpoint' : 'own-endpoints'),
  });
}

/** What was recorded of one family, read by hand. */
interface ReadByHand {
  readonly servicePorts: ReadonlySet<string>;
  follow(flow: Flow): Followed;
  /** The endpoints that are listed as `10.244.3.2:8080/tcp`, to be masqueraded when they reach themselves; null = all. */
  readonly hairpins: ReadonlySet<string> | null;
}

function readByHand({ folder, dataplane }: RecordedNode, family: Family, local: readonly Address[]): ReadByHand {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const program = family === 'ipv4' ? 'iptables' : 'ip6tables';
  switch (dataplane) {
    case 'nftables': {
      const text = readNftText(read('nft-list-ruleset.txt'), family === 'ipv4' ? 'ip kube-proxy' : 'ip6 kube-proxy');
      const follow = (flow: Flow): Followed => followNftPacket(text, flow, local);
      return { servicePorts: nftServicePorts(text), follow, hairpins: nftHairpins(text) };
    }
    case 'ipvs': {
      const rules = read(`${program}-legacy-save.txt`);
      const text = readIpvsText({ ipvsadm: read('ipvsadm-Sn.txt'), ipset: read('ipset-save.txt'), rules });
      const follow = (flow: Flow): Followed => followIpvsPacket(text, flow, local);
      return { servicePorts: ipvsServicePorts(text, family, local), follow, hairpins: ipvsHairpins(text) };
    }
    default: {
      const rules = readRuleText(read(`${program}-${dataplane.replace('iptables-', '')}-save.txt`));
      const follow = (flow: Flow): Followed => followPacket(rules, flow, local);
      return { servicePorts: servicePortsIn(rules), follow, hairpins: null };
    }
  }
}

describe.each(inSync)('%s', (_, node) => {
  const localAddresses = localAddressesOf(node.folder);
  const nodeProfile = profileOf(node, localAddresses);
  const { table } = desiredState(stateOf(node.api), { name: node.name, zone: node.zone, profile: nodeProfile });

  describe.each(['ipv4', 'ipv6'] as const)('%s', (family) => {
    const { servicePorts, follow, hairpins } = readByHand(node, family, localAddresses);
    const entries = [...table.values()].filter(({ frontend }) => frontend.family === family);

    it('wants exactly the frontends that the rules name', () => {
      const wanted = entries.map(({ frontend }) => `${frontend.protocol} ${frontend.address}:${frontend.port}`);
      expect(wanted.sort()).toEqual([...servicePorts].sort());
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
          const situation = `${from} to ${nameOf(frontend)}`;
          const wanted = answerFlow(table, nodeProfile, flow);
          const affinitySeconds = wanted.output[0]?.includes(':') ? affinityOf(forwarding) : 0;
          expect({ situation, answer: wanted, affinitySeconds }).toEqual({ situation, ...follow(flow) });
        }
      }
    });

    it('wants of endpoints that reach themselves what the rules do with them', () => {
      const wanted = entries.flatMap(({ frontend, forwarding }) =>
        origins.map((origin) => [`${origin} to ${nameOf(frontend)}`, forwarding[origin].dress?.hairpin ?? null]),
      );
      const listed = entries.flatMap(({ frontend, forwarding }) =>
        origins.map((origin) => [
          `${origin} to ${nameOf(frontend)}`,
          hairpinBy(hairpins, frontend, forwarding[origin]),
        ]),
      );
      expect(wanted).toEqual(listed);
    });
  });
});

/** How many of the backends are listed; all where everything is masqueraded, or every endpoint chain does it. */
function hairpinBy(
  hairpins: ReadonlySet<string> | null,
  { protocol }: Frontend,
  { route, dress }: Fate,
): string | null {
  if (route.action !== 'forward') return null;
  const listed = route.backends.filter((backend) => hairpins?.has(`${backend}/${protocol}`) ?? true);
  if (dress?.masquerade === 'always' || listed.length === route.backends.length) return 'all';
  return listed.length === 0 ? 'none' : 'some';
}

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
