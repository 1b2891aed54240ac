/**
 * Nodes as the checks of L2 see them, said in the words of the programs that show them: `route('10.244.2.0/24 via
 * 10.244.2.0 dev flannel.1 onlink')`.
 */
import type { NodeView } from '../aggregator/model/check.ts';
import type { ClusterNode, NodeCni, Pod } from '../aggregator/model/cluster.ts';
import type {
  CniReport,
  Counter,
  ForwardingEntry,
  LongExcerpt,
  Neighbour,
  NetworkCountersReport,
  NetworkSettingsReport,
  NodeLink,
  NodeParts,
  NodeRoute,
  ProbeResult,
  ProbesReport,
  RoutesReport,
  RoutingRule,
} from '../proto/parts.ts';
import { address, node, prefix } from './builders.ts';
import { nodeView, objects } from './view-builders.ts';

export function listed<T>(first: readonly T[]): LongExcerpt<T> {
  return { total: first.length, first };
}

/** One line of `ip route` (also of `ip -6 route` and of `show table all`), as iproute2 prints it. */
export function route(text: string, changes: Partial<NodeRoute> = {}): NodeRoute {
  const words = text.trim().split(/\s+/);
  const after = (word: string) => (words.includes(word) ? (words[words.indexOf(word) + 1] ?? null) : null);
  const isKind = /^(?:local|broadcast|multicast|blackhole|unreachable|prohibit|throw)$/.test(words[0] ?? '');
  const [kind, destination] = isKind ? [words[0] ?? '', words[1] ?? ''] : ['unicast', words[0] ?? ''];
  const [gateway, source] = [after('via'), after('src')];
  const isIpv6 = text.includes('::') || text.includes('pref ');
  return {
    family: isIpv6 ? 'ipv6' : 'ipv4',
    table: after('table') ?? 'main',
    kind,
    destination: prefix(destination === 'default' ? (isIpv6 ? '::/0' : '0.0.0.0/0') : destination),
    link: after('dev'),
    gateway: gateway === null ? null : address(gateway),
    source: source === null ? null : address(source),
    protocol: after('proto') ?? 'boot',
    metric: Number(after('metric') ?? 0),
    onlink: words.includes('onlink'),
    mtu: after('mtu') === null ? null : Number(after('mtu')),
    isDead: words.includes('linkdown') || words.includes('dead'),
    ...changes,
  };
}

/** The routes of a node, with the usual rules unless others are given. */
export function routes(lines: readonly string[], rules: readonly RoutingRule[] | null = null): RoutesReport {
  return { routes: listed(lines.map((line) => route(line))), rules: rules === null ? null : listed(rules) };
}

/** A link that is switched on. */
export function link(name: string, changes: Partial<NodeLink> = {}): NodeLink {
  return {
    index: 2,
    name,
    kind: '',
    state: 'UP',
    isUp: true,
    mtu: 1500,
    mac: null,
    master: null,
    peerIndex: null,
    peerNamespaceId: null,
    promiscuous: false,
    hairpin: null,
    vxlan: null,
    callsIptables: null,
    tunnel: null,
    ...changes,
  };
}

/** flannel.1 of the node with this number, as flannel makes it over an eth0 of 1500 bytes. */
export function flannelDevice(number: number, changes: Partial<NodeLink> = {}): NodeLink {
  return link('flannel.1', {
    kind: 'vxlan',
    state: 'UNKNOWN',
    mtu: 1450,
    mac: macOf(number),
    vxlan: { id: 1, port: 8472, local: nodeAddress(number), link: 'eth0', learning: false },
    ...changes,
  });
}

export function macOf(number: number): string {
  return `02:00:00:00:00:0${number}`;
}

/** 192.168.100.11 is node-a, whose number is 1. */
export function nodeAddress(number: number) {
  return address(`192.168.100.1${number}`);
}

export const noCni: NodeCni = { flannel: null, calico: null, cilium: null };

/** What flannel writes on the Node with this number. */
export function flannelWord(number: number, backend = 'vxlan'): NodeCni {
  const vtepMac = backend === 'vxlan' ? macOf(number) : null;
  const publicAddress = nodeAddress(number);
  return { ...noCni, flannel: { backend, vtepMac, vtepMacIpv6: null, publicAddress, publicAddressIpv6: null } };
}

/** node-a is number 1, with pods in 10.244.1.0/24; it is as old as the hills. */
export function numberedNode(number: number, changes: Partial<ClusterNode> = {}): ClusterNode {
  return {
    ...node(nameOf(number), nodeAddress(number)),
    podCIDRs: [prefix(`10.244.${number}.0/24`)],
    createdAt: '2026-01-01T00:00:00Z',
    ...changes,
  };
}

export function nameOf(number: number): string {
  return `node-${String.fromCharCode(96 + number)}`;
}

export function neighbour(link: string, text: string, mac: string | null, state: Neighbour['state'] = 'permanent') {
  return { link, address: address(text), mac, state };
}

export function entry(link: string, mac: string, destination: string): ForwardingEntry {
  return { link, mac, destination: address(destination) };
}

/** A file with one plugin, as most CNI plugins write it. */
export function cniFiles(
  file: string,
  plugin: Partial<CniReport['configurations'][number]['settings'][number]> & { readonly type: string },
): CniReport {
  const settings = {
    ipam: null,
    delegates: [],
    ranges: [],
    bridge: null,
    mtu: null,
    hairpin: null,
    stateFolder: null,
    ...plugin,
  };
  return {
    configurations: [{ file, network: 'cbr0', plugins: [plugin.type], settings: [settings], problem: null }],
    reservations: listed([]),
    results: listed([]),
    pluginFolders: [],
  };
}

export const flannelFiles = cniFiles('10-flannel.conflist', { type: 'flannel' });
export const calicoFiles = cniFiles('10-calico.conflist', { type: 'calico', ipam: 'calico-ipam' });
export const ciliumFiles = cniFiles('05-cilium.conflist', { type: 'cilium-cni' });

/** Everything forwards and nothing filters, on Linux 6.1. */
export function settings(changes: Partial<NetworkSettingsReport> = {}): NetworkSettingsReport {
  const links = ['eth0', 'cni0', 'flannel.1'].map((name) => linkSettings(name));
  return {
    kernel: '6.1.0-18-amd64',
    ipv4Forwarding: true,
    ipv6Forwarding: true,
    bridgeCallsIptables: true,
    bridgeCallsIp6tables: true,
    reversePathFilter: 0,
    links: listed(links),
    ...changes,
  };
}

export function linkSettings(name: string, changes: Partial<NetworkSettingsReport['links']['first'][number]> = {}) {
  return { link: name, forwarding: true, reversePathFilter: 0, proxyArp: false, ...changes };
}

/** A count that rose within the last minute. */
export function rose(increase: number): Counter {
  return { total: 1000 + increase, increase, windowSeconds: 60, reset: false };
}

/** Nothing was lost. */
export function counters(changes: Partial<NetworkCountersReport> = {}): NetworkCountersReport {
  return {
    reversePathDrops: rose(0),
    noRoute: rose(0),
    udpChecksumErrors: rose(0),
    fragmentationFailures: rose(0),
    reassemblyFailures: rose(0),
    links: [],
    ...changes,
  };
}

/** Three probes to the address that node-b has among its pods, all answered. */
export function probe(changes: Partial<ProbeResult> = {}): ProbeResult {
  const by = changes.by ?? 'overlay';
  const size = changes.size ?? 'small';
  return {
    node: 'node-b',
    address: by === 'node' ? nodeAddress(2) : address('10.244.2.0'),
    port: 9469,
    by,
    size,
    packetBytes: size === 'small' ? 92 : by === 'node' ? 1500 : 1450,
    sent: 3,
    answered: 3,
    lastAnswered: true,
    error: null,
    roundTripMs: 1,
    ...changes,
  };
}

export const unanswered = { answered: 0, lastAnswered: false, roundTripMs: null } as const;

export function probes(changes: Partial<ProbesReport> = {}): ProbesReport {
  return { listening: [], port: 9469, results: [], heard: listed([]), refusedTargets: 0, refusals: [], ...changes };
}

export interface NetworkSketch {
  /** The Nodes of the API; node-a is the one that is looked at. */
  readonly nodes?: readonly ClusterNode[];
  readonly pods?: readonly Pod[];
  readonly parts?: Partial<NodeParts>;
  /** What other nodes report, by name. */
  readonly peers?: Readonly<Record<string, Partial<NodeParts>>>;
  readonly snapshot?: Parameters<typeof objects>[0];
}

/** node-a with nothing but what is said; three Nodes of no CNI plugin unless others are given. */
export function anyNode({ nodes, pods, parts = {}, peers = {}, snapshot = {} }: NetworkSketch): NodeView {
  const all = nodes ?? [1, 2, 3].map((number) => numberedNode(number));
  const view = nodeView({ objects: objects({ nodes: all, pods: pods ?? null, ...snapshot }), parts, peers });
  return { ...view, node: all.find(({ name }) => name === 'node-a') ?? null };
}

/** The value of a part that is there; throws when it is not. */
export function reportOf<Name extends keyof NodeParts>(
  parts: Partial<NodeParts>,
  name: Name,
): Extract<NodeParts[Name], { readonly state: 'ok' }>['value'] {
  const part = parts[name];
  if (part?.state !== 'ok') throw new Error(`no part ${name}`);
  return part.value as Extract<NodeParts[Name], { readonly state: 'ok' }>['value'];
}
