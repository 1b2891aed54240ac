/**
 * Pieces of what a check sees, for tests that say in one line what is special about a node:
 * `nodeView({ desired: [entry('tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080')))], observed: [] })`.
 */
import { objectsOf } from '../aggregator/audit/objects.ts';
import { buildView, type ViewInput } from '../aggregator/audit/view.ts';
import type { NodeView, Staleness } from '../aggregator/model/check.ts';
import type { ClusterNode, ClusterObjects, ClusterSnapshot } from '../aggregator/model/cluster.ts';
import type { DesiredOwner } from '../aggregator/model/desired.ts';
import { type Backend, backendOf, type Prefix, parseHostPort } from '../proto/address.ts';
import { parseFrontendKey } from '../proto/canonical.ts';
import { parseServicePortName } from '../proto/chain-names.ts';
import type {
  Dress,
  Entry,
  Fate,
  Forwarding,
  ForwardingTable,
  FrontendKey,
  Route,
  UnknownReason,
} from '../proto/forwarding.ts';
import type {
  BaseJump,
  EbpfProxyReport,
  Excerpt,
  IptablesStructure,
  KubeProxyReport,
  NftablesStructure,
  NodeParts,
  Part,
  ReadMode,
} from '../proto/parts.ts';
import { parsePrefix } from '../proto/prefixes.ts';
import type { NodeProfile } from '../proto/profile.ts';

type Forward = Extract<Route, { readonly action: 'forward' }>;

/** The key of a frontend written as text, `tcp 10.96.0.1:80`; throws when it is none. */
export function frontend(text: string): FrontendKey {
  if (parseFrontendKey(text) === null) throw new Error(`${text} is no frontend`);
  return text as FrontendKey;
}

export function backend(text: string): Backend {
  const parsed = parseHostPort(text);
  if (parsed === null) throw new Error(`${text} is no backend`);
  return backendOf(parsed.address, parsed.port);
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
}

/** A fate that forwards to these backends, evenly, to every source, with masquerading for nobody. */
export function forwardTo(...backends: readonly string[]): Fate & { readonly route: Forward; readonly dress: Dress } {
  return {
    route: {
      action: 'forward',
      backends: backends.map(backend).sort(),
      affinitySeconds: 0,
      sources: 'any',
      otherwise: 'drop',
    },
    dress: { shares: 'even', masquerade: 'never', hairpin: 'all' },
  };
}

/** The same, with other words for the route or the dress. */
export function forwardWith(
  backends: readonly string[],
  other: { route?: Partial<Forward>; dress?: Partial<Dress> },
): Fate {
  const { route, dress } = forwardTo(...backends);
  return { route: { ...route, ...other.route }, dress: { ...dress, ...other.dress } };
}

export const rejected: Fate = { route: { action: 'reject' }, dress: null };
export const dropped: Fate = { route: { action: 'drop' }, dress: null };
export const untaken: Fate = { route: { action: 'none' }, dress: null };

export function unreadable(reason: UnknownReason): Fate {
  return { route: { action: 'unknown', reason }, dress: null };
}

/** One fate for packets of every origin. */
export function everyone(fate: Fate): Forwarding {
  return { pod: fate, node: fate, outside: fate };
}

export function entry(key: string, forwarding: Forwarding): Entry {
  const parsed = parseFrontendKey(key);
  if (parsed === null) throw new Error(`${key} is no frontend`);
  return { frontend: parsed, forwarding };
}

/** `[frontend, its forwarding]`, as the builders below take it. */
export type Row = readonly [string, Forwarding];

export function table(rows: readonly Row[]): ForwardingTable {
  return new Map(rows.map(([key, forwarding]) => [frontend(key), entry(key, forwarding)]));
}

/** `shop/web:http` as the owner of a frontend that the API asks for. */
function owner(name: string, key: string): DesiredOwner {
  const port = parseServicePortName(name);
  const parsed = parseFrontendKey(key);
  if (port === null || parsed === null) throw new Error(`${name} at ${key} is no service port`);
  return { ...port, protocol: parsed.protocol, kind: parsed.address === 'node' ? 'nodePort' : 'clusterIP' };
}

export function excerpt<T>(...first: readonly T[]): Excerpt<T> {
  return { total: first.length, first };
}

export const preroutingJump: BaseJump = { table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES' };

/** A sound structure of iptables-nft, IPv4. */
export function structure(other: Partial<IptablesStructure> = {}): IptablesStructure {
  return {
    backend: 'nft',
    family: 'ipv4',
    tables: ['nat', 'filter'],
    rules: 100,
    kubeRules: { nat: 80, filter: 10 },
    hasServiceRules: true,
    presentBaseJumps: [],
    missingBaseJumps: [],
    danglingJumps: excerpt(),
    duplicateRules: excerpt(),
    orphanedChains: excerpt(),
    unreadableRules: excerpt(),
    masqueradePath: 'ok',
    dropsInvalid: true,
    rulesAhead: excerpt(),
    rulesAfterNodePorts: excerpt(),
    markRules: excerpt(),
    podForwarding: { fate: 'accepted' },
    hostPorts: excerpt(),
    healthCheckPorts: [],
    localDrops: 0,
    droppedPackets: excerpt(),
    ...other,
  };
}

export function kubeProxy(other: Partial<KubeProxyReport> = {}): Part<KubeProxyReport> {
  return reported({
    healthz: 'healthy',
    livez: 'healthy',
    metricsAnswered: true,
    mode: 'iptables',
    version: 'v1.36.2',
    believedRules: [],
    lastSync: [],
    lastQueued: [],
    syncFailures: [],
    serviceChanges: null,
    endpointChanges: null,
    programmingP99Seconds: null,
    syncP99Seconds: null,
    healthChecks: [],
    problems: [],
    ...other,
  });
}

/** A kube-proxy that answers nowhere. */
export function silentKubeProxy(): Part<KubeProxyReport> {
  const problems = ['GET http://127.0.0.1:10256/healthz: no answer within 3 s'];
  return kubeProxy({ healthz: 'silent', livez: 'silent', metricsAnswered: false, mode: null, version: null, problems });
}

/** What shows of another proxy; nothing unless said. */
export function ebpfProxy(other: Partial<EbpfProxyReport> = {}): Part<EbpfProxyReport> {
  return reported({ proxy: null, replacesKubeProxy: null, signs: [], unreadBecause: null, ...other });
}

/** kube-proxy's nftables table of one family, sound. */
export function nftablesStructure(other: Partial<NftablesStructure> = {}): NftablesStructure {
  return {
    family: 'ipv4',
    chains: 30,
    rules: 40,
    elements: 60,
    missingBaseJumps: [],
    danglingJumps: excerpt(),
    duplicateRules: excerpt(),
    unreadableRules: excerpt(),
    masqueradePath: 'ok',
    ...other,
  };
}

export function reported<T>(value: T): Part<T> {
  return { state: 'ok', value, collectedAt: '2026-11-22T07:34:15Z' };
}

const absent = { state: 'absent' } as const;

/** The parts of a node of which nothing was reported. */
export const noParts: NodeParts = {
  forwarding: absent,
  iptables: absent,
  nftables: absent,
  ipvs: absent,
  ebpfProxy: absent,
  kubeProxy: absent,
  addresses: absent,
  proxyTraces: absent,
  conntrack: absent,
  kernel: absent,
  routes: absent,
  links: absent,
  neighbours: absent,
  networkSettings: absent,
  networkCounters: absent,
  offloads: absent,
  cni: absent,
  flannel: absent,
  bird: absent,
  podNetworks: absent,
  sandboxes: absent,
  probes: absent,
  dns: absent,
};

/** The API's objects, of which nothing is known unless said. */
export function objects(known: Partial<ClusterSnapshot> = {}): ClusterObjects {
  return objectsOf({
    services: [],
    endpointSlices: [],
    nodes: [],
    pods: null,
    namespaces: null,
    podEvents: null,
    networkPolicies: null,
    foreignPolicies: null,
    dnsConfigurations: null,
    ...known,
  });
}

function profile(other: Partial<NodeProfile> = {}): NodeProfile {
  const unknown = { source: 'unknown', reason: 'not asked' } as const;
  return {
    mode: { value: 'iptables', source: 'proxyMode' },
    kubeProxyVersion: { value: 'v1.36.2', source: 'metrics' },
    nodeName: { value: 'node-a', source: 'configz' },
    families: ['ipv4', 'ipv6'],
    localAddresses: unknown,
    nodePortAddresses: unknown,
    localDetector: { ipv4: unknown, ipv6: unknown },
    masqueradeAll: { value: false, source: 'configz' },
    localhostNodePorts: { value: true, source: 'configz' },
    markBit: { value: 14, source: 'configz' },
    hairpin: { value: 'every-endpoint', source: 'default' },
    refusesOwnFirst: { value: false, source: 'default' },
    ...other,
  };
}

export interface ViewSketch {
  readonly name?: string;
  /** Null = it is not known what the node should do. */
  readonly desired?: readonly Row[] | null;
  /** Null = the rules were not read. */
  readonly observed?: readonly Row[] | null;
  /** Why the rules may serve more than is observed. */
  readonly unlisted?: UnknownReason;
  /** frontend -> `ns/name:port`, as the API has it. */
  readonly owners?: Readonly<Record<string, string>>;
  /** frontend -> `ns/name:port`, as an accepted hint has it. */
  readonly hints?: Readonly<Record<string, string>>;
  readonly structures?: readonly IptablesStructure[];
  readonly profile?: Partial<NodeProfile>;
  readonly parts?: Partial<NodeParts>;
  readonly podCIDRs?: readonly string[];
  readonly objects?: ClusterObjects;
  /** What other nodes report, by name. */
  readonly peers?: Readonly<Record<string, Partial<NodeParts>>>;
  readonly largeCluster?: boolean;
  /** What is remembered; without it the view is that of an offline audit. */
  readonly history?: {
    /** By frontend. */
    readonly staleness: Readonly<Record<string, Staleness>>;
    readonly desiredChangedAt?: string;
  };
}

/** The view of a healthy node `node-a` but for what is said. */
export function nodeView(sketch: ViewSketch = {}): NodeView {
  return { ...buildView(viewInput(sketch)), history: historyOf(sketch) };
}

/** The reader that read the node's rules: that of its mode. */
function readMode(mode: NodeProfile['mode'] | undefined): ReadMode {
  const name = mode === undefined || mode.source === 'unknown' ? 'iptables' : mode.value;
  return name === 'nftables' || name === 'ipvs' || name === 'cilium' ? name : 'iptables';
}

function historyOf({ history }: ViewSketch): NodeView['history'] {
  if (history === undefined) return null;
  return {
    reachesBackTo: '2026-11-21T08:00:00.000Z',
    staleness: new Map(Object.entries(history.staleness).map(([key, shown]) => [frontend(key), shown])),
    desiredChangedAt: history.desiredChangedAt ?? null,
  };
}

function viewInput({ name = 'node-a', desired = [], observed = [], ...sketch }: ViewSketch): ViewInput {
  const structures = sketch.structures ?? [structure()];
  const hints = Object.entries(sketch.hints ?? {}).map(([key, hint]) => [frontend(key), hint] as const);
  const owners = Object.entries(sketch.owners ?? {}).map(([key, port]) => [frontend(key), owner(port, key)] as const);
  return {
    name,
    node: clusterNode(name, sketch.podCIDRs ?? []),
    profile: profile({ nodeName: { value: name, source: 'configz' }, ...sketch.profile }),
    parts: {
      ...noParts,
      iptables:
        observed === null
          ? { state: 'failed', reason: 'iptables-nft-save: exit code 1' }
          : reported({
              structures,
              serviceBackends: [...new Set(structures.filter((s) => s.hasServiceRules).map((s) => s.backend))],
              proxyChains: [],
              hostPortTables: [],
            }),
      forwarding:
        observed === null
          ? { state: 'failed', reason: 'iptables-nft-save: exit code 1' }
          : reported({
              mode: readMode(sketch.profile?.mode),
              table: table(observed),
              unlisted: sketch.unlisted ?? null,
              owners: new Map(hints),
            }),
      kubeProxy: kubeProxy(),
      proxyTraces: reported({ iptables: true, nftables: false, ipvs: false }),
      ...sketch.parts,
    },
    desired: desired === null ? null : { table: table(desired), owners: new Map(owners) },
    largeCluster: { ipv4: sketch.largeCluster ?? false, ipv6: sketch.largeCluster ?? false },
    objects: sketch.objects ?? objects(),
    peers: {
      parts: (peer) => {
        const told = sketch.peers?.[peer];
        return told === undefined ? null : { ...noParts, ...told };
      },
    },
  };
}

function clusterNode(name: string, podCIDRs: readonly string[]): ClusterNode {
  return {
    name,
    uid: `uid-of-${name}`,
    zone: null,
    podCIDRs: podCIDRs.map(prefix),
    addresses: [],
    createdAt: null,
    ready: true,
    leaving: false,
    notReadyBecause: null,
    networkUnavailable: null,
    cni: { flannel: null, calico: null, cilium: null },
    annotations: {},
  };
}
