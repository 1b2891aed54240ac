/**
 * Which server is asked for which name. The servers are those that the node itself has: what its settings name, where its
 * own rules send packets for them, the cache on it, and the servers above. Nobody else can name one.
 */
import { type Address, familyOf, parseHostPort } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { Backend } from '../../proto/address.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import type { DnsReport, Lookup, LookupNames } from '../../proto/parts.ts';
import { parsePrefix, prefixSet, contains } from '../../proto/prefixes.ts';
import type { Question } from './message.ts';

export interface LookupSetting {
  /** A name outside of the cluster, with or without its last dot; null = none is asked for. */
  readonly externalName: string | null;
  /** Servers above, beside those that the node's own settings name. */
  readonly upstreams: readonly Address[];
}

export type PlannedLookup = Pick<Lookup, 'server' | 'port' | 'by' | 'protocol' | 'name'> & {
  readonly question: Question;
};

/** What the node shows of itself. */
export interface ResolvingNode {
  readonly dns: Pick<DnsReport, 'node' | 'kubelet' | 'pods' | 'nodeLocal'>;
  /** Null = not known. */
  readonly table: ForwardingTable | null;
  /** Rises by one with each round, from any number: of many backends others are asked each time. */
  readonly round: number;
}

const dnsPort = 53;
const most = { services: 4, backends: 4, upstreams: 4 };
/** Of so many each is asked again before what came of it is forgotten (ten minutes, four in each). */
const mostInTurn = 40;
/** Of more, those whose turn it is stay for as many rounds as decide: else none of them would ever be known. */
const decidingRounds = 3;
const usualDomain = 'cluster.local';
const neverAsked = prefixSet(
  ['0.0.0.0/8', '::/128', '224.0.0.0/4', '255.255.255.255/32', 'ff00::/8']
    .map(parsePrefix)
    .filter((one) => one !== null),
);
const loopback = prefixSet(['127.0.0.0/8', '::1/128'].map(parsePrefix).filter((one) => one !== null));
const ipv4LinkLocal = prefixSet(['169.254.0.0/16'].map(parsePrefix).filter((one) => one !== null));
const ipv6LinkLocal = prefixSet(['fe80::/10'].map(parsePrefix).filter((one) => one !== null));
const linkLocal = prefixSet(['169.254.0.0/16', 'fe80::/10'].map(parsePrefix).filter((one) => one !== null));

export function lookupNames({ kubelet }: ResolvingNode['dns'], { externalName }: LookupSetting): LookupNames {
  const domain = kubelet?.clusterDomain ?? usualDomain;
  return {
    cluster: `kubernetes.default.svc.${domain}.`,
    external: externalName === null ? null : `${externalName.replace(/\.$/, '')}.`,
    absent: `plumbline-absent.default.svc.${domain}.`,
  };
}

/** Every server that the node may be told of now: what is known of others is forgotten. */
export function serversOfNode(node: ResolvingNode, setting: LookupSetting): ReadonlySet<string> {
  const services = serviceAddresses(node);
  const caches = cachesOf(node.dns);
  const others = [...services, ...caches, ...upstreamsOf(node, setting, services)].map((server) =>
    serverKey({ server, port: dnsPort }),
  );
  return new Set([...others, ...allBackends(node, services).map(serverKey)]);
}

export function serverKey({ server, port }: { readonly server: Address; readonly port: number }): string {
  return `${server} ${port}`;
}

/** In the order in which they are asked. */
export function plannedLookups(node: ResolvingNode, setting: LookupSetting): readonly PlannedLookup[] {
  const names = lookupNames(node.dns, setting);
  const services = serviceAddresses(node);
  const caches = cachesOf(node.dns);
  const backends = backendsOf(node, services);
  const inside = [
    ...services.map((server) => ({ server, port: dnsPort, by: 'service' as const })),
    ...caches.map((server) => ({ server, port: dnsPort, by: 'node-local' as const })),
    ...backends.map(({ server, port }) => ({ server, port, by: 'backend' as const })),
  ];
  const above = upstreamsOf(node, setting, services).map((server) => ({
    server,
    port: dnsPort,
    by: 'upstream' as const,
  }));
  return [
    ...inside.flatMap((server) => insideQuestions(server, names)),
    ...above.flatMap((server) => aboveQuestions(server, names)),
  ];
}

/**
 * The cache's own addresses, where a link has them or the kubelet gives them: a pod could name one on a node without a cache.
 * Of IPv6 a link-local address could be asked with its link alone.
 */
function cachesOf({ kubelet, nodeLocal }: ResolvingNode['dns']): readonly Address[] {
  if (nodeLocal === null) return [];
  const { addresses, link } = nodeLocal;
  return addresses.filter(
    (address) => contains(ipv4LinkLocal, address) && (link !== null || kubelet?.clusterDns.includes(address) === true),
  );
}

type Server = Pick<PlannedLookup, 'server' | 'port' | 'by'>;

/** The answer to a name of the cluster is asked for in the family of the server: a Service often has no other address. */
function insideQuestions(server: Server, { cluster, external, absent }: LookupNames): readonly PlannedLookup[] {
  const type = familyOf(server.server) === 'ipv6' ? 'AAAA' : 'A';
  return [
    { ...server, protocol: 'udp', name: 'cluster', question: { name: cluster, type } },
    { ...server, protocol: 'tcp', name: 'cluster', question: { name: cluster, type } },
    { ...server, protocol: 'udp', name: 'absent', question: { name: absent, type } },
    ...(external === null
      ? []
      : [{ ...server, protocol: 'udp', name: 'external', question: { name: external, type: 'A' } } as const]),
  ];
}

/** Servers above know nothing of the cluster. */
function aboveQuestions(server: Server, { external }: LookupNames): readonly PlannedLookup[] {
  if (external === null) return [];
  const question: Question = { name: external, type: 'A' };
  return (['udp', 'tcp'] as const).map((protocol) => ({ ...server, protocol, name: 'external', question }));
}

/**
 * What the kubelet gives pods, but for the cache on the node. What single pods name is not asked: a tenant could name a
 * Service of his own there, and lead the node to whatever its slices say.
 */
function serviceAddresses({ dns: { kubelet, nodeLocal }, table }: ResolvingNode): readonly Address[] {
  const local = nodeLocal?.addresses ?? [];
  const given = [...new Set(kubelet?.clusterDns ?? [])].filter(
    (address) => mayBeAsked(address) && !contains(linkLocal, address),
  );
  const isService = (address: Address) => frontendsAt(table, address).length > 0;
  return given.filter((address) => isService(address) || !local.includes(address)).slice(0, most.services);
}

function allBackends(node: ResolvingNode, services: readonly Address[]): readonly Backing[] {
  const all = services.flatMap((address) => frontendsAt(node.table, address).flat());
  return [...new Set(all)].sort().flatMap((backend) => {
    const end = parseHostPort(backend);
    const isLawful = end !== null && mayBeAsked(end.address) && !contains(linkLocal, end.address);
    return isLawful ? [{ server: end.address, port: end.port }] : [];
  });
}

interface Backing {
  readonly server: Address;
  readonly port: number;
}

/** Of many some at a time, in each round or each three others. */
function backendsOf(node: ResolvingNode, services: readonly Address[]): readonly Backing[] {
  const ends = allBackends(node, services);
  if (ends.length <= most.backends) return ends;
  const turn = ends.length > mostInTurn ? Math.floor(node.round / decidingRounds) : node.round;
  const from = (turn * most.backends) % ends.length;
  return [...ends, ...ends].slice(from, from + most.backends);
}

/** The backends of the address at port 53, one list for each protocol that is served there. */
function frontendsAt(table: ForwardingTable | null, address: Address): readonly (readonly Backend[])[] {
  return (['udp', 'tcp'] as const).flatMap((protocol) => {
    const entry = table?.get(frontendKey({ family: familyOf(address), protocol, address, port: dnsPort }));
    const route = entry?.forwarding.node.route;
    return route === undefined ? [] : [route.action === 'forward' ? route.backends : []];
  });
}

/**
 * The servers that CoreDNS is given, as far as the node tells; a stub on loopback is the node's own way to them. Clouds have
 * theirs at link-local addresses of IPv4; one of IPv6 (`fe80::1%eth0`, of a router's RDNSS) could be asked with its link alone.
 */
function upstreamsOf({ dns: { kubelet, node } }: ResolvingNode, setting: LookupSetting, services: readonly Address[]) {
  const given = kubelet?.upstream?.nameservers ?? node?.settings.nameservers ?? [];
  const own = given.filter((address) => !contains(neverAsked, address) && !services.includes(address));
  const all = [...setting.upstreams.filter(mayBeAsked), ...own].filter((address) => !contains(ipv6LinkLocal, address));
  return [...new Set(all)].slice(0, most.upstreams);
}

function mayBeAsked(address: Address): boolean {
  return !contains(neverAsked, address) && !contains(loopback, address);
}
