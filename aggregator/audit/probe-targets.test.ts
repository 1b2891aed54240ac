import { describe, expect, it } from 'vitest';
import type { Address } from '../../proto/address.ts';
import type { NodeParts } from '../../proto/parts.ts';
import { address, node, pod, prefix } from '../../test/builders.ts';
import { noParts, reported } from '../../test/view-builders.ts';
import type { ClusterNode, Pod } from '../model/cluster.ts';
import { type ProbeFleet, ProbeTargets, probeRing } from './probe-targets.ts';

const now = Date.parse('2026-11-22T10:00:00Z');

interface Sketch {
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Where the agent answers; everywhere unless said. */
  readonly listening?: readonly string[];
  readonly port?: number;
}

/** What a node reports of its links and of probes. */
function parts({ addresses, listening, port = 9469 }: Sketch): NodeParts {
  const all = Object.entries(addresses).flatMap(([link, of]) =>
    of.map((text) => ({ link, address: address(text), prefixLength: 24 })),
  );
  const answering = listening?.map(address) ?? all.map((one) => one.address);
  return {
    ...noParts,
    addresses: reported({ addresses: all, links: Object.keys(addresses) }),
    probes: reported({
      ...{ listening: answering, port, results: [], heard: { total: 0, first: [] } },
      ...{ refusedTargets: 0, refusals: [] },
    }),
  };
}

/** Node N of a flannel cluster: its Node, and what it reports. */
function flannel(number: number, other: Partial<ClusterNode> = {}): readonly [ClusterNode, NodeParts] {
  const api = node(`node-${number}`, `192.168.100.1${number}`);
  return [
    { ...api, podCIDRs: [prefix(`10.244.${number}.0/24`)], ...other },
    parts({
      addresses: {
        eth0: [`192.168.100.1${number}`],
        'flannel.1': [`10.244.${number}.0`],
        cni0: [`10.244.${number}.1`],
      },
    }),
  ];
}

interface FleetSketch {
  readonly pods?: readonly Pod[];
  readonly apiServers?: readonly string[];
}

function fleet(
  nodes: readonly (readonly [ClusterNode, NodeParts | null])[],
  { pods = [], apiServers = [] }: FleetSketch = {},
): ProbeFleet {
  const reports = new Map(nodes.map(([{ name }, of]) => [name, of]));
  return {
    nodes: new Map(nodes.map(([one]) => [one.name, one])),
    parts: (name) => reports.get(name) ?? null,
    podsOn: (name) => pods.filter(({ nodeName }) => nodeName === name),
    apiServers: apiServers.map(address),
    largestPacketTo: (_, to: Address) => (to.startsWith('10.244.') ? 1450 : 1500),
  };
}

/** What node-1 probes at node-2: `overlay udp 10.244.2.1:9469 1450`. */
function targetsAt2(of: ProbeFleet): readonly string[] {
  return new ProbeTargets(of, now)
    .of('node-1', ['node-2'])
    .map((one) => `${one.by} ${one.protocol} ${one.address}:${one.port} ${one.packetBytes}`);
}

describe('a peer', () => {
  it("is probed at its pods' gateway and at its node address, with the packets that the way there carries", () => {
    expect(new ProbeTargets(fleet([flannel(1), flannel(2)]), now).of('node-1', ['node-2'])).toEqual([
      { node: 'node-2', address: '10.244.2.1', port: 9469, protocol: 'udp', by: 'overlay', packetBytes: 1450 },
      { node: 'node-2', address: '192.168.100.12', port: 9469, protocol: 'udp', by: 'node', packetBytes: 1500 },
    ]);
  });

  it.each([
    ['flannel.1 before a first pod', { 'flannel.1': ['10.244.2.0'] }, '10.244.2.0'],
    ['vxlan.calico, outside of the range of the Node', { 'vxlan.calico': ['10.100.7.0'] }, '10.100.7.0'],
    ['tunl0', { tunl0: ['10.100.7.1'] }, '10.100.7.1'],
    ['cilium_host', { cilium_host: ['10.0.2.17'] }, '10.0.2.17'],
    ["a gateway at the node's end of each veth", { veth1: ['10.244.2.1'], veth2: ['10.244.2.1'] }, '10.244.2.1'],
    ['a bridge of another name', { 'kube-bridge': ['10.244.2.1'] }, '10.244.2.1'],
  ])('is probed in its overlay at %s', (_, links, expected) => {
    const [api] = flannel(2);
    const peer = [api, parts({ addresses: { eth0: ['192.168.100.12'], ...links } })] as const;
    expect(targetsAt2(fleet([flannel(1), peer]))[0]).toMatch(`overlay udp ${expected}:9469`);
  });

  it('is not probed in an overlay by an address of something else', () => {
    const [api] = flannel(2);
    const peer = [api, parts({ addresses: { eth0: ['192.168.100.12'], docker1: ['172.17.0.1'] } })] as const;
    expect(targetsAt2(fleet([flannel(1), peer]))).toEqual(['node udp 192.168.100.12:9469 1500']);
  });

  it('is probed where it says that it answers, and nowhere else', () => {
    const [api] = flannel(2);
    const links = { eth0: ['192.168.100.12'], cni0: ['10.244.2.1'] };
    const quiet = parts({ addresses: links, listening: ['192.168.100.12'] });
    expect(targetsAt2(fleet([flannel(1), [api, quiet]]))).toEqual(['node udp 192.168.100.12:9469 1500']);
    expect(targetsAt2(fleet([flannel(1), [api, { ...quiet, probes: { state: 'absent' } }]]))).toEqual([]);
    expect(targetsAt2(fleet([flannel(1), [api, parts({ addresses: links, port: 9000 })]]))).toEqual([]);
    expect(targetsAt2(fleet([flannel(1), [api, null]]))).toEqual([]);
  });

  it('of both families is probed by both, and by those alone that the sender has', () => {
    const links = (n: number) => ({
      eth0: [`192.168.100.1${n}`, `fd00::1${n}`],
      cni0: [`10.244.${n}.1`, `fd00:244:${n}::1`],
    });
    const both = (n: number) => {
      const api = { ...node(`node-${n}`, `192.168.100.1${n}`, `fd00::1${n}`) };
      const podCIDRs = [prefix(`10.244.${n}.0/24`), prefix(`fd00:244:${n}::/64`)];
      return [{ ...api, podCIDRs }, parts({ addresses: links(n) })] as const;
    };
    expect(targetsAt2(fleet([both(1), both(2)]))).toEqual([
      'overlay udp 10.244.2.1:9469 1450',
      'overlay udp fd00:244:2::1:9469 1500',
      'node udp 192.168.100.12:9469 1500',
      'node udp fd00::12:9469 1500',
    ]);
    expect(targetsAt2(fleet([flannel(1), both(2)]))).toEqual([
      'overlay udp 10.244.2.1:9469 1450',
      'node udp 192.168.100.12:9469 1500',
    ]);
  });

  it.each([
    ['not ready', { ready: false }],
    ['leaving', { leaving: true }],
    ['younger than two minutes', { createdAt: '2026-11-22T09:58:01Z' }],
  ])('is not probed while it is %s, and probes nobody', (_, other) => {
    const of = fleet([flannel(1), flannel(2, other)]);
    expect(targetsAt2(of)).toEqual([]);
    expect(new ProbeTargets(of, now).of('node-2', ['node-1'])).toEqual([]);
    expect(probeRing(of.nodes.values(), now).peersOf('node-1', 0)).toEqual([]);
  });

  it('is probed once it is two minutes old', () => {
    const of = fleet([flannel(1), flannel(2, { createdAt: '2026-11-22T09:58:00Z' })]);
    expect(targetsAt2(of).length).toBe(2);
    expect(probeRing(of.nodes.values(), now).peersOf('node-1', 0)).toEqual(['node-2']);
  });
});

describe('an address', () => {
  it("that is the API server's is never probed", () => {
    const of = fleet([flannel(1), flannel(2)], { apiServers: ['192.168.100.12'] });
    expect(targetsAt2(of)).toEqual(['overlay udp 10.244.2.1:9469 1450']);
  });

  it('that two nodes have is never probed', () => {
    const [api, own] = flannel(3);
    const copied = parts({ addresses: { eth0: ['192.168.100.13'], cni0: ['10.244.2.1'] } });
    expect(own.probes.state).toBe('ok');
    expect(targetsAt2(fleet([flannel(1), flannel(2), [api, copied]]))).toEqual(['node udp 192.168.100.12:9469 1500']);
  });

  it('that a route is not known to gets small packets alone', () => {
    const of = { ...fleet([flannel(1), flannel(2)]), largestPacketTo: () => null };
    expect(targetsAt2(of)).toEqual(['overlay udp 10.244.2.1:9469 0', 'node udp 192.168.100.12:9469 0']);
    const narrow = { ...of, largestPacketTo: () => 500 };
    expect(targetsAt2(narrow)[0]).toBe('overlay udp 10.244.2.1:9469 0');
    const wide = { ...of, largestPacketTo: () => 65_536 };
    expect(targetsAt2(wide)[0]).toBe('overlay udp 10.244.2.1:9469 65535');
  });
});

describe('a pod', () => {
  const open = (name: string, at: string, other: Partial<Pod> = {}): Pod => ({
    ...pod(name, 'node-2', at),
    probePort: 8080,
    ...other,
  });
  const [api] = flannel(2);
  const plain = [api, parts({ addresses: { eth0: ['192.168.100.12'] } })] as const;

  it('whose owner wants it is connected to, where its node has no address among the pods', () => {
    const pods = [open('shop/web-b', '10.244.2.8'), open('shop/web-a', '10.244.2.9')];
    expect(targetsAt2(fleet([flannel(1), plain], { pods }))).toEqual([
      'pod tcp 10.244.2.9:8080 0',
      'node udp 192.168.100.12:9469 1500',
    ]);
    expect(targetsAt2(fleet([flannel(1), flannel(2)], { pods }))).toEqual([
      'overlay udp 10.244.2.1:9469 1450',
      'node udp 192.168.100.12:9469 1500',
    ]);
  });

  it.each([
    ['wants it not', { probePort: undefined }],
    ["is in the node's network", { hostNetwork: true }],
    ['is not ready', { ready: false }],
    ['does not run', { runs: false }],
    ['ends', { terminating: true }],
  ])('that %s is not', (_, other) => {
    const { probePort, ...rest } = open('shop/web', '10.244.2.8');
    const one = { ...rest, ...('probePort' in other ? {} : { probePort }), ...other } as Pod;
    expect(targetsAt2(fleet([flannel(1), plain], { pods: [one] }))).toEqual(['node udp 192.168.100.12:9469 1500']);
  });
});
