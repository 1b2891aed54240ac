/** Invariant: the agent leaves the node as it found it, whatever is loaded there, and most of all where nothing is. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { localHost } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import type { Part } from '../../proto/parts.ts';
import { printWritten } from '../property/written-rules.ts';
import { recordedNftRules } from './lab-nft-rules.ts';
import { labRules, podRange } from './lab-rules.ts';
import { makeCounters, trackFlow } from './loaded-rules.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from './namespaces.ts';
import { nodeState } from './node-state.ts';

const { rules } = labRules(podRange);
const text = printWritten(rules);

describe('a node that is observed twice', () => {
  let namespace = '';

  beforeAll(() => {
    const obstacle = whyNotHere([
      'iptables-nft-restore',
      'iptables-legacy-restore',
      'nft',
      'nfacct',
      'conntrack',
      'ipset',
      'ss',
      'sysctl',
      'bridge',
      'ethtool',
    ]);
    if (obstacle !== null) throw new Error(obstacle);
    removeAbandoned();
  });

  afterEach(() => removeNamespace(namespace));

  const situations: readonly {
    readonly name: string;
    readonly load: (node: string) => void;
    /** Of iptables, with kube-proxy's service rules in them. */
    readonly backends: number;
    readonly nftables?: 'ok';
  }[] = [
    { name: 'without any table', load: () => undefined, backends: 0 },
    {
      name: 'with rules in iptables-nft',
      load: (node) => mustRunIn(node, 'iptables-nft-restore', [], text),
      backends: 1,
    },
    {
      name: 'with rules in iptables-legacy',
      load: (node) => mustRunIn(node, 'iptables-legacy-restore', [], text),
      backends: 1,
    },
    {
      name: 'with rules in both backends',
      load: (node) => {
        mustRunIn(node, 'iptables-nft-restore', [], text);
        mustRunIn(node, 'iptables-legacy-restore', [], text);
      },
      backends: 2,
    },
    {
      name: "with kube-proxy's nftables rules",
      load: (node) => mustRunIn(node, 'nft', ['-f', '-'], recordedNftRules()),
      backends: 0,
      nftables: 'ok',
    },
    {
      name: 'with one legacy table and a set',
      load: (node) => {
        mustRunIn(node, 'iptables-legacy', ['-t', 'filter', '-A', 'INPUT', '-j', 'ACCEPT']);
        mustRunIn(node, 'ipset', ['create', 'others', 'hash:ip']);
      },
      backends: 0,
    },
  ];

  it.each(situations)('$name, is as it was', async ({ load, backends, nftables = 'absent' }) => {
    namespace = makeNamespace('unchanged');
    makeCounters(namespace);
    load(namespace);
    trackFlow(namespace);
    const before = nodeState(namespace);
    const host = localHost({ netns: namespace });
    const first = await observe(host);
    await observe(host);
    expect(nodeState(namespace)).toEqual(before);
    expect(first.parts.iptables.state).toBe('ok');
    const read = first.parts.iptables.state === 'ok' ? first.parts.iptables.value.serviceBackends : [];
    expect(read.length).toBe(backends);
    expect(first.parts.nftables.state).toBe(nftables);
  });

  it('with a VXLAN device as flannel makes it, is as it was', async () => {
    namespace = makeNamespace('vxlan');
    const mac = '02:00:00:00:00:02';
    for (const line of [
      'ip link add flannel.1 address 02:00:00:00:00:01 type vxlan id 1 dstport 8472 local 192.0.2.11 nolearning',
      'ip link set flannel.1 addrgenmode none',
      'ip link set flannel.1 up mtu 1450',
      'ip addr add 10.244.1.0/32 dev flannel.1',
      `ip neigh add 10.244.2.0 lladdr ${mac} dev flannel.1 nud permanent`,
      `bridge fdb append ${mac} dev flannel.1 dst 192.0.2.12`,
      'ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink',
      'ip rule add from all to 10.244.9.0/24 prohibit priority 100',
      'sysctl -qw net.ipv4.conf.flannel/1.rp_filter=2',
    ]) {
      const [program = '', ...args] = line.split(' ');
      mustRunIn(namespace, program, args);
    }
    const before = nodeState(namespace);
    const { parts } = await observe(localHost({ netns: namespace }));
    expect(nodeState(namespace)).toEqual(before);
    expect(before['forwarding entries']).toContain(`${mac} dev flannel.1 dst 192.0.2.12`);
    const read = <T>(part: Part<T>) => (part.state === 'ok' ? part.value : null);
    const state = 'permanent';
    expect(read(parts.neighbours)).toEqual({
      neighbours: { total: 1, first: [{ link: 'flannel.1', address: '10.244.2.0', mac, state }] },
      entries: { total: 1, first: [{ link: 'flannel.1', mac, destination: '192.0.2.12' }] },
    });
    expect(read(parts.offloads)).toEqual({ links: [{ link: 'flannel.1', transmitChecksum: true }] });
    const link = read(parts.links)?.links.first.find(({ name }) => name === 'flannel.1');
    expect([link?.isUp, link?.vxlan]).toEqual([
      true,
      { id: 1, port: 8472, local: '192.0.2.11', link: null, learning: false },
    ]);
    expect(read(parts.networkSettings)?.links.first.find((its) => its.link === 'flannel.1')?.reversePathFilter).toBe(2);
    expect(read(parts.networkCounters)?.links.map((its) => its.link)).toEqual(['flannel.1']);
    const routes = read(parts.routes);
    expect(routes?.routes.first.find(({ gateway }) => gateway !== null)?.onlink).toBe(true);
    expect(routes?.rules?.first.map(({ priority, to, action }) => [priority, to, action]).slice(0, 2)).toEqual([
      [0, null, 'lookup'],
      [100, '10.244.9.0/24', 'prohibit'],
    ]);
  });

  it('would be seen to have changed, had reading made a table', () => {
    namespace = makeNamespace('changed');
    const before = nodeState(namespace);
    mustRunIn(namespace, 'iptables-legacy', ['-t', 'mangle', '-L']);
    expect(nodeState(namespace)).not.toEqual(before);
  });
});
