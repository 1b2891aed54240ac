/**
 * What one Service port asks of one node: for which frontends, and what shall become of their packets. The formulas of
 * kube-proxy's modes (fates/) for one port; desired.ts makes whole tables of it.
 */
import type { Address, Backend, Family } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import { dressDigest, frontendKey, routeDigest } from '../../proto/canonical.ts';
import type { Entry, Forwarding, Frontend, FrontendKey } from '../../proto/forwarding.ts';
import { addressSet, contains, prefixSet, union } from '../../proto/prefixes.ts';
import type { Service, ServicePort } from '../model/cluster.ts';
import type { DesiredOwner, FrontendKind } from '../model/desired.ts';
import type { EndpointUse, NodePlace } from './endpoints.ts';
import { chooseEndpoints } from './endpoints.ts';
import { type ModeFormula, type PortOnNode, type SourceRanges, unknownForwarding } from './fates/formula.ts';
import type { NodeFacts } from './node-facts.ts';
import type { PortEndpoint, ServedPort } from './service-ports.ts';
import { servedClusterIP } from './service-ports.ts';

/** What of a node decides what it must do in one family. */
export interface OnNode {
  readonly place: NodePlace;
  readonly facts: NodeFacts;
}

/** A frontend that a Service port asks nodes to serve, whichever node it is. */
export interface AskedFrontend {
  readonly key: FrontendKey;
  readonly frontend: Frontend;
  readonly kind: FrontendKind;
  readonly owner: DesiredOwner;
}

/** One wish for one frontend, or what several come to. */
export interface Claim {
  readonly entry: Entry;
  readonly owner: DesiredOwner;
}

/**
 * The frontends of one port in one family; none where kube-proxy does not serve the Service there. One address may be
 * asked for twice: the port's own rules stand in this order, and the first takes the packet.
 */
export function askedOfPort(service: Service, port: ServicePort, family: Family): readonly AskedFrontend[] {
  const clusterIP = servedClusterIP(service, family);
  if (clusterIP === null) return [];
  const asked: AskedFrontend[] = [];
  const taken = new Set<Address | 'node'>();
  const ask = (kind: FrontendKind, address: Address | 'node'): void => {
    if (taken.has(address)) return;
    taken.add(address);
    const number = address === 'node' ? port.nodePort : port.port;
    const frontend: Frontend = { family, protocol: port.protocol, address, port: number };
    const { namespace, name } = service;
    const owner: DesiredOwner = { namespace, name, portName: port.name, protocol: port.protocol, kind };
    asked.push({ key: frontendKey(frontend), frontend, kind, owner });
  };
  ask('clusterIP', clusterIP);
  for (const address of externalIPs(service, family)) ask('externalIP', address);
  for (const address of loadBalancerIPs(service, family)) ask('loadBalancerIP', address);
  if (port.nodePort !== 0) ask('nodePort', 'node');
  return asked;
}

/**
 * What a node must do at each frontend that a port asks for, in the order of `asked` (as askedOfPort has it); null where
 * it serves no node ports.
 */
export function entriesOf(
  served: ServedPort,
  asked: readonly AskedFrontend[],
  { place, facts }: OnNode,
): readonly (Entry | null)[] {
  const { service, port, endpoints } = served;
  const use = useOf(service, port, facts.family);
  const { formula } = facts;
  if (formula === null) throw new Error('nobody knows what is asked of a node of this mode');
  const chosen = chooseEndpoints(endpoints, use, place);
  const own = facts.hairpinOwnOnly ? backendsOn(place.nodeName, endpoints) : null;
  const onNode: PortOnNode = { chosen, use, affinitySeconds: service.affinitySeconds, facts, own };
  const ranges = allowedRanges(service, facts);
  const limited = ranges === null || !formula.limitsExternalIPs ? [] : loadBalancerIPs(service, facts.family);
  const forwardingOf = ({ kind, frontend: { address } }: AskedFrontend): Forwarding | null => {
    if (address === 'node') return nodePortForwarding(onNode, formula);
    if (kind === 'clusterIP') return formula.clusterIP(onNode, address);
    const isOpen = kind === 'externalIP' && !limited.includes(address);
    return ranges === null || isOpen ? formula.external(onNode, address) : formula.limited(onNode, address, ranges);
  };
  return asked.map((one) => {
    const forwarding = forwardingOf(one);
    return forwarding === null ? null : { frontend: one.frontend, forwarding };
  });
}

/** How a port of a Service is used in one family. */
export function useOf(service: Service, port: ServicePort, family: Family): EndpointUse {
  return {
    internalLocal: service.internalTrafficPolicy === 'Local',
    externalLocal: service.externalTrafficPolicy === 'Local' && isReachableFromOutside(service),
    external:
      port.nodePort !== 0 || externalIPs(service, family).length > 0 || loadBalancerIPs(service, family).length > 0,
  };
}

/** The external addresses of a Service in one family, as written. */
export function externalIPs(service: Service, family: Family): readonly Address[] {
  return service.externalIPs.filter((address) => familyOf(address) === family);
}

/** The load-balancer addresses of a Service in one family that nodes serve. */
export function loadBalancerIPs(service: Service, family: Family): readonly Address[] {
  return service.loadBalancerIngress.flatMap(({ address, ipMode }) =>
    ipMode === 'VIP' && familyOf(address) === family ? [address] : [],
  );
}

/**
 * Two claims on one frontend. The order of their rules is the order of a Go map: what becomes of packets is only known
 * when both want the same. In whatever order claims are joined, the outcome is the same.
 */
export function joinedClaims(known: Claim, next: Claim): Claim {
  const owner = portOf(next.owner) < portOf(known.owner) ? next.owner : known.owner;
  if (isSame(next.entry.forwarding, known.entry.forwarding)) return { entry: known.entry, owner };
  return { entry: { frontend: known.entry.frontend, forwarding: unknownForwarding('asked-twice') }, owner };
}

/** externalTrafficPolicy counts for these Services only (pkg/api/v1/service, ExternallyAccessible). */
function isReachableFromOutside({ type, externalIPs: outer }: Service): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && outer.length > 0);
}

function backendsOn(nodeName: string, endpoints: readonly PortEndpoint[]): ReadonlySet<Backend> {
  return new Set(endpoints.flatMap(({ endpoint, backend }) => (endpoint.nodeName === nodeName ? [backend] : [])));
}

function nodePortForwarding(onNode: PortOnNode, formula: ModeFormula): Forwarding | null {
  const { servesNodePorts } = onNode.facts;
  if (servesNodePorts === false) return null;
  return servesNodePorts ? formula.nodePort(onNode) : unknownForwarding('node-addresses-unknown');
}

/**
 * The sources that a load-balancer address is open to; null when it is open to all, because no range is of the family
 * or one is /0. When a range holds the node's primary address, the load-balancer addresses pass too: bound on the node,
 * one of them becomes the source of the node's own packets to it.
 */
function allowedRanges(service: Service, facts: NodeFacts): SourceRanges | null {
  const written = service.loadBalancerSourceRanges.filter((range) => familyOf(range) === facts.family);
  if (written.length === 0 || written.some((range) => range.endsWith('/0'))) return null;
  const ranges = prefixSet(written);
  const { primaryAddress } = facts;
  if (primaryAddress === null || !contains(ranges, primaryAddress)) return { allowed: ranges, holdNode: false };
  return { allowed: union(ranges, addressSet(loadBalancerIPs(service, facts.family))), holdNode: true };
}

function portOf({ namespace, name, portName }: DesiredOwner): string {
  return `${namespace}/${name}:${portName}`;
}

function isSame(a: Forwarding, b: Forwarding): boolean {
  return a === b || (routeDigest(a) === routeDigest(b) && dressDigest(a) === dressDigest(b));
}
