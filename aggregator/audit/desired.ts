/**
 * What a node should do: the forwarding table that kube-proxy's iptables mode makes of Services and EndpointSlices
 * (pkg/proxy/iptables/proxier.go, v1.32 to v1.36).
 *
 *   pod, outside                          node
 *        |                                  |
 *   nat PREROUTING                     nat OUTPUT
 *        |                                  |
 *        +--------> nat KUBE-SERVICES <-----+
 *                     |  cluster IP              -> KUBE-SVC, or KUBE-SVL for policy Local     internalForwarding
 *                     |  external IP             -> KUBE-EXT ---------------------------+
 *                     |  load balancer           -> KUBE-EXT, or KUBE-FW with ranges ---+      withinRanges
 *                     |  own address, node port  -> KUBE-NODEPORTS -> KUBE-EXT ---------+
 *                     |                                                                 |
 *                     |     policy Cluster: mark, KUBE-SVC                              |
 *                     |     policy Local:   from a pod: KUBE-SVC <----------------------+      externalForwarding
 *                     |                     from the node: mark, KUBE-SVC
 *                     |                     else KUBE-SVL, or back when no endpoint is here
 *                     |
 *                     |  KUBE-SVC, KUBE-SVL -> KUBE-SEP: DNAT, so no chain below matches the address any more
 *                     |
 *             not translated
 *                     |
 *        +------------+--------------------+----------------------+
 *   to an own address               to elsewhere            made by the node
 *   filter INPUT                    filter FORWARD          filter OUTPUT
 *     KUBE-PROXY-FIREWALL: drop       KUBE-PROXY-FIREWALL     KUBE-PROXY-FIREWALL
 *     KUBE-EXTERNAL-SERVICES          KUBE-SERVICES           KUBE-SERVICES: cluster IPs
 *        reject: no endpoint          KUBE-EXTERNAL-SERVICES     |
 *        drop: none on this node                              to an own address: over loopback to INPUT; else it leaves
 *
 * No frontend is `none` for every origin: whatever a Service asks for is forwarded, rejected or dropped when it arrives.
 */
import type { Address } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import { dressDigest, frontendKey, routeDigest } from '../../proto/canonical.ts';
import type { Entry, Forwarding, Frontend, FrontendKey } from '../../proto/forwarding.ts';
import { originSources } from '../../proto/origin-sources.ts';
import type { PrefixSet } from '../../proto/prefixes.ts';
import { addressSet, contains, prefixSet, union } from '../../proto/prefixes.ts';
import type { DataplaneMode, NodeProfile } from '../../proto/profile.ts';
import { valueOr } from '../../proto/profile.ts';
import type { ClusterState, Service } from '../model/cluster.ts';
import type { DesiredOwner, DesiredState, FrontendKind } from '../model/desired.ts';
import { chooseEndpoints, type NodePlace } from './endpoints.ts';
import type { PortOnNode } from './fates.ts';
import { externalForwarding, internalForwarding, isOwnAddress, unknownForwarding, withinRanges } from './fates.ts';
import type { NodeFacts } from './node-facts.ts';
import { factsOf, heedsNodeHints } from './node-facts.ts';
import type { ServedPort } from './service-ports.ts';
import { servedPorts } from './service-ports.ts';

/** The node whose table is wanted. */
export interface DesiredNode {
  /** The Node's name in the API. */
  readonly name: string;
  readonly zone: string | null;
  readonly profile: NodeProfile;
}

/** Whether desiredState knows what kube-proxy does in this mode. */
export function isSupportedMode(mode: DataplaneMode): boolean {
  return mode === 'iptables';
}

/**
 * The table of one node in iptables mode, and who asked for each frontend. Pure: equal input, in any order, gives an
 * equal table. Arrays and fates are shared between entries.
 */
export function desiredState(state: ClusterState, node: DesiredNode): DesiredState {
  const { profile } = node;
  const place: NodePlace = {
    nodeName: valueOr(profile.nodeName, node.name),
    zone: node.zone,
    nodeHints: heedsNodeHints(profile.kubeProxyVersion),
  };
  const apiNode = state.nodes.find(({ name }) => name === node.name) ?? null;
  const wanted: Wanted = { table: new Map(), owners: new Map() };
  for (const family of profile.families) {
    const facts = factsOf(profile, apiNode, family);
    for (const served of servedPorts(state, family)) addPort(wanted, served, { place, facts });
  }
  return wanted;
}

/** The addresses of a service port from outside, of one family. */
interface ExternalAddresses {
  readonly externalIPs: readonly Address[];
  readonly loadBalancerIPs: readonly Address[];
  /** 0 = none. */
  readonly nodePort: number;
}

interface OnNode {
  readonly place: NodePlace;
  readonly facts: NodeFacts;
}

function addPort(wanted: Wanted, served: ServedPort, { place, facts }: OnNode): void {
  const { service, port, clusterIP, endpoints } = served;
  const outer = externalAddresses(served, facts);
  const external = outer.nodePort !== 0 || outer.externalIPs.length > 0 || outer.loadBalancerIPs.length > 0;
  const use = {
    internalLocal: service.internalTrafficPolicy === 'Local',
    externalLocal: service.externalTrafficPolicy === 'Local' && isReachableFromOutside(service),
    external,
  };
  const chosen = chooseEndpoints(endpoints, use, place);
  const portOnNode: PortOnNode = { chosen, use, affinitySeconds: service.affinitySeconds, facts };
  const add = (kind: FrontendKind, address: Address | 'node', forwarding: Forwarding): void => {
    const number = address === 'node' ? port.nodePort : port.port;
    const frontend: Frontend = { family: facts.family, protocol: port.protocol, address, port: number };
    const { namespace, name } = service;
    const owner: DesiredOwner = { namespace, name, portName: port.name, protocol: port.protocol, kind };
    addWish(wanted, { frontend, forwarding }, owner);
  };
  add('clusterIP', clusterIP, internalForwarding(portOnNode));
  if (!external) return;
  // One address may be asked for twice; the port's own rules stand in this order, and the first takes the packet.
  const taken = new Set([clusterIP]);
  const isFirst = (address: Address): boolean => {
    const first = !taken.has(address);
    taken.add(address);
    return first;
  };
  for (const address of outer.externalIPs.filter(isFirst)) {
    add('externalIP', address, externalForwarding(portOnNode, isOwnAddress(facts, address)));
  }
  const ranges = chosen.hasAny ? allowedRanges(service, outer.loadBalancerIPs, facts) : null;
  for (const address of outer.loadBalancerIPs.filter(isFirst)) {
    const open = externalForwarding(portOnNode, isOwnAddress(facts, address));
    add('loadBalancerIP', address, ranges === null ? open : withinRanges(open, ranges, sourcesTo(address, facts)));
  }
  if (outer.nodePort === 0 || facts.servesNodePorts === false) return;
  const answered = facts.servesNodePorts === true;
  add(
    'nodePort',
    'node',
    answered ? externalForwarding(portOnNode, true) : unknownForwarding('node-addresses-unknown'),
  );
}

function externalAddresses({ service, port }: ServedPort, { family }: NodeFacts): ExternalAddresses {
  return {
    externalIPs: service.externalIPs.filter((address) => familyOf(address) === family),
    loadBalancerIPs: service.loadBalancerIngress.flatMap(({ address, ipMode }) =>
      ipMode === 'VIP' && familyOf(address) === family ? [address] : [],
    ),
    nodePort: port.nodePort,
  };
}

/** externalTrafficPolicy counts for these Services only (pkg/api/v1/service, ExternallyAccessible). */
function isReachableFromOutside({ type, externalIPs }: Service): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0);
}

/**
 * The sources that KUBE-FW lets pass; null when there is no such chain, because no range is of the family or one is /0.
 * When a range holds the node's primary address, the load-balancer addresses pass too: bound on the node, one of them
 * becomes the source of the node's own packets to it.
 */
function allowedRanges(service: Service, addresses: readonly Address[], facts: NodeFacts): PrefixSet | null {
  const written = service.loadBalancerSourceRanges.filter((range) => familyOf(range) === facts.family);
  if (written.length === 0 || written.some((range) => range.endsWith('/0'))) return null;
  const ranges = prefixSet(written);
  const { primaryAddress } = facts;
  return primaryAddress !== null && contains(ranges, primaryAddress) ? union(ranges, addressSet(addresses)) : ranges;
}

function sourcesTo(address: Address, { family, localDetector, localAddresses }: NodeFacts) {
  if (localAddresses === null) return null;
  return originSources({ family, localDetector, localAddresses: [...localAddresses] }, address);
}

/** What the service ports have asked for so far. */
interface Wanted {
  readonly table: Map<FrontendKey, Entry>;
  readonly owners: Map<FrontendKey, DesiredOwner>;
}

/**
 * Adds what one service port asks for. Where another has asked for the same frontend, the order of their rules is the
 * order of a Go map: what becomes of packets is only known when both want the same.
 */
function addWish({ table, owners }: Wanted, wish: Entry, owner: DesiredOwner): void {
  const key = frontendKey(wish.frontend);
  const known = table.get(key);
  const knownOwner = owners.get(key);
  if (known === undefined || knownOwner === undefined) {
    table.set(key, wish);
    owners.set(key, owner);
    return;
  }
  if (portOf(owner) < portOf(knownOwner)) owners.set(key, owner);
  if (!isSame(wish.forwarding, known.forwarding)) {
    table.set(key, { frontend: wish.frontend, forwarding: unknownForwarding('asked-twice') });
  }
}

function portOf({ namespace, name, portName }: DesiredOwner): string {
  return `${namespace}/${name}:${portName}`;
}

function isSame(a: Forwarding, b: Forwarding): boolean {
  return routeDigest(a) === routeDigest(b) && dressDigest(a) === dressDigest(b);
}
