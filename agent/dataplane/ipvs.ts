/**
 * IPVS of one node to its ForwardingTable: every virtual server's packets are walked through the iptables rules that
 * kube-proxy writes around it, with the contents of the sets that these rules ask for (see family-tracer.ts for the way
 * of a packet and ipvs/balancer.ts for the load balancer's place on it).
 *
 * Each virtual server is a frontend. One at an address of the node's own serves a node port, unless the sets say that a
 * Service has that very address.
 */
import { parseRules, type Ruleset } from 'node-iptables-parse';
import type { Address, Family } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type {
  Entry,
  Forwarding,
  ForwardingTable,
  Frontend,
  FrontendKey,
  UnknownReason,
} from '../../proto/forwarding.ts';
import type { Excerpt, RuleLine } from '../../proto/parts.ts';
import { addressSet, isEmpty } from '../../proto/prefixes.ts';
import { FamilyTracer } from './family-tracer.ts';
import { type BackendRules, factsOf, nodePortAddressesOf, ofTwoProxies, type TracedPlace } from './iptables.ts';
import type { BalancedService, Ipvs } from './ipvs/balancer.ts';
import type { IpSets } from './ipvs/ipsets.ts';
import { savedLines } from './ipvs/saved-services.ts';
import { type ServerKey, serverKey } from './ipvs/server.ts';
import { kubeSetName, SetMatches, type Side } from './ipvs/set-matches.ts';
import { isNothing, overAddresses, perOrigin } from './over-addresses.ts';

export interface IpvsTraceInput extends TracedPlace {
  /** Of every backend that holds kube-proxy's rules; none where they are gone. */
  readonly rulesets: readonly BackendRules[];
  readonly services: ReadonlyMap<ServerKey, BalancedService>;
  /** What is bound on kube-ipvs0. */
  readonly boundAddresses: readonly Address[];
  readonly sets: IpSets;
  /** net.ipv4.vs.conntrack. */
  readonly tracksConnections: boolean;
}

export interface TracedIpvs {
  readonly table: ForwardingTable;
  /** Nothing but a virtual server serves, and all of them are listed. */
  readonly unlisted: UnknownReason | null;
  /** As in Traced. */
  readonly linkPatterns: readonly string[];
  /** The virtual server as ipvsadm prints it, then the rules that packets to a frontend meet and match. */
  readonly explain: (key: FrontendKey) => Excerpt<RuleLine>;
}

/** Lines shown per frontend. */
const maxLines = 40;
const noLines: Excerpt<RuleLine> = { total: 0, first: [] };

/** Sets of addresses and ports that are no node ports. */
const addressSets = ['CLUSTER-IP', 'EXTERNAL-IP', 'EXTERNAL-IP-LOCAL', 'LOAD-BALANCER'];
const nodePortSets: readonly { readonly name: string; readonly sides: readonly Side[] }[] = [
  { name: 'NODE-PORT-TCP', sides: ['dst'] },
  { name: 'NODE-PORT-UDP', sides: ['dst'] },
  { name: 'NODE-PORT-SCTP-HASH', sides: ['dst', 'dst'] },
];

/** Walks the packets to every virtual server. The node's addresses must be known. */
export function traceIpvs(input: IpvsTraceInput): TracedIpvs {
  const sets = new SetMatches(input.sets, addressSet(input.boundAddresses));
  const ipvs: Ipvs = { ...input, sets, boundAddresses: new Set(input.boundAddresses) };
  const table = new Map<FrontendKey, Entry>();
  const lines = new Map<FrontendKey, () => Excerpt<RuleLine>>();
  const patterns = new Set<string>();
  for (const family of ['ipv4', 'ipv6'] as const) {
    const own = input.rulesets.filter((rules) => rules.family === family).map(({ ruleset }) => ruleset);
    const tracers = (own.length === 0 ? [noRules] : own).map(
      (ruleset) => new FamilyTracer(ruleset, factsOf(input, family), ipvs),
    );
    for (const tracer of tracers) {
      for (const pattern of tracer.interfacePatterns(['in-interface', 'out-interface'])) patterns.add(pattern);
    }
    const detector = input.localDetector[family];
    if (detector.kind === 'interface') patterns.add(detector.pattern);
    const nodeAddresses = servingAddresses(input, family);
    for (const frontend of frontendsOf(input, sets, family)) {
      const key = frontendKey(frontend);
      const destinations = frontend.address === 'node' ? nodeAddresses : [frontend.address];
      const forwarding = forwardingOf(tracers, frontend, destinations);
      if (forwarding === null || isNothing(forwarding)) continue;
      table.set(key, { frontend, forwarding });
      lines.set(key, () => explain(tracers, input, frontend, destinations[0]));
    }
  }
  const linkPatterns = [...patterns].sort();
  return { table, unlisted: null, linkPatterns, explain: (key) => lines.get(key)?.() ?? noLines };
}

/** Where a family's rules are gone, or were never there. */
const noRules = emptyRuleset();

function emptyRuleset(): Ruleset {
  const parsed = parseRules('*nat\nCOMMIT\n', { expectTables: [], trailer: 'optional' });
  if (!parsed.ok) throw new Error(`an empty table cannot be read: ${parsed.failure.message}`);
  return parsed.ruleset;
}

/**
 * The addresses that stand for `node` frontends. One without any virtual server came after kube-proxy's last sync, or is
 * none of those that it takes for node ports: a sync makes the virtual servers of all node ports at once.
 */
function servingAddresses(input: IpvsTraceInput, family: Family): readonly Address[] {
  const served = new Set([...input.services.values()].map(({ address }) => address));
  const all = nodePortAddressesOf(input, family) ?? [];
  const serving = all.filter((address) => served.has(address));
  return serving.length === 0 ? all : serving;
}

function* frontendsOf(input: IpvsTraceInput, sets: SetMatches, family: Family): Generator<Frontend> {
  const own = new Set(input.localAddresses);
  const bound = new Set(input.boundAddresses);
  const nodePorts = new Set<string>();
  for (const { protocol, address, port } of input.services.values()) {
    if (familyOf(address) !== family) continue;
    const packet = { family, protocol, destination: address, port, fromNode: true };
    const has = (name: string, sides: readonly Side[]) => {
      const found = sets.sources(kubeSetName(family, name), sides, packet);
      return found !== null && !isEmpty(found);
    };
    const isListed = addressSets.some((name) => has(name, ['dst', 'dst']));
    const isPort = nodePortSets.some(({ name, sides }) => has(name, sides));
    const isOwn = own.has(address);
    // A node port at an address that the node has lost meanwhile; the next sync takes it away.
    if (!isOwn && !bound.has(address) && isPort && !isListed) continue;
    if (isListed || !isOwn) yield { family, protocol, address, port };
    const isNodePort = isOwn && (isPort || !isListed);
    const text = `${protocol} ${port}`;
    if (!isNodePort || nodePorts.has(text)) continue;
    nodePorts.add(text);
    yield { family, protocol, address: 'node', port };
  }
}

/** What becomes of packets to a frontend; where two backends hold kube-proxy's rules, as far as they agree. */
function forwardingOf(
  tracers: readonly FamilyTracer[],
  frontend: Frontend,
  destinations: readonly Address[],
): Forwarding | null {
  let result: Forwarding | null = null;
  for (const tracer of tracers) {
    const one = overAddresses(destinations, (to) => tracer.forwarding(frontend, to));
    result = result === null || one === null ? one : perOrigin(result, one, ofTwoProxies);
  }
  return result;
}

function explain(
  tracers: readonly FamilyTracer[],
  { services }: IpvsTraceInput,
  frontend: Frontend,
  destination: Address | undefined,
): Excerpt<RuleLine> {
  if (destination === undefined) return noLines;
  const service = services.get(serverKey(frontend.protocol, destination, frontend.port));
  const own = service === undefined ? [] : savedLines(service);
  const paths = tracers.map((tracer) => tracer.path(frontend, destination, maxLines));
  return {
    total: paths.reduce((sum, { total }) => sum + total, own.length),
    first: [...own, ...paths.flatMap(({ first }) => first)].slice(0, maxLines),
  };
}
