/**
 * Which endpoints of a service port a node must use: traffic policies, topology hints and the fall-back to terminating
 * endpoints (pkg/proxy/topology.go, serviceport.go).
 */
import type { Backend } from '../../proto/address.ts';
import type { Endpoint } from '../model/cluster.ts';
import type { PortEndpoint } from './service-ports.ts';

/** How a service port is used. */
export interface EndpointUse {
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** It has a nodePort, an external IP or a load-balancer address of the family. */
  readonly external: boolean;
}

/** Where the node is. */
export interface NodePlace {
  /** As kube-proxy calls the node. */
  readonly nodeName: string;
  readonly zone: string | null;
  /** Whether kube-proxy heeds hints for single nodes. */
  readonly nodeHints: boolean;
}

/** The endpoints of one service port, for one node. Sorted by text, each once. */
export interface ChosenEndpoints {
  /** For policy Cluster. Empty also when no address of the port uses that policy. */
  readonly cluster: readonly Backend[];
  /** For policy Local. Empty also when no address of the port uses that policy. */
  readonly local: readonly Backend[];
  /** Whether any node can reach an endpoint: what cannot be served here is dropped then, else rejected. */
  readonly hasAny: boolean;
  /** Whether this node serves the cluster IP. */
  readonly hasInternal: boolean;
  /** Whether this node serves packets from outside. */
  readonly hasExternal: boolean;
}

const noBackends: readonly Backend[] = Object.freeze([]);

/** @param endpoints of one service port, as servedPorts has them. */
export function chooseEndpoints(
  endpoints: readonly PortEndpoint[],
  use: EndpointUse,
  place: NodePlace,
): ChosenEndpoints {
  const usesCluster = !use.internalLocal || use.external;
  const usesLocal = use.internalLocal || (use.externalLocal && use.external);
  const cluster = usesCluster ? clusterSet(endpoints, place) : noBackends;
  const local = usesLocal ? localSet(endpoints, place.nodeName) : noBackends;
  const hasAny = cluster.length > 0 || (usesLocal && endpoints.some(({ endpoint }) => isUsable(endpoint)));
  return {
    cluster,
    local,
    hasAny,
    hasInternal: use.internalLocal ? local.length > 0 : hasAny,
    hasExternal: use.externalLocal ? local.length > 0 : hasAny,
  };
}

/** Ready endpoints that the hints leave; when none is ready anywhere, all that still serve, whatever their hints. */
function clusterSet(endpoints: readonly PortEndpoint[], place: NodePlace): readonly Backend[] {
  const isHinted = hintFilter(endpoints, place);
  const ready = backendsOf(endpoints, (endpoint) => endpoint.ready && (isHinted === null || isHinted(endpoint)));
  return ready.length > 0 ? ready : backendsOf(endpoints, isDraining);
}

function localSet(endpoints: readonly PortEndpoint[], nodeName: string): readonly Backend[] {
  const ready = backendsOf(endpoints, (endpoint) => endpoint.ready && endpoint.nodeName === nodeName);
  if (ready.length > 0) return ready;
  return backendsOf(endpoints, (endpoint) => isDraining(endpoint) && endpoint.nodeName === nodeName);
}

/**
 * Which ready endpoints the hints leave: those for this node, else those for its zone; null when hints do not count,
 * which is so as soon as one ready endpoint has none, or none is for this place.
 */
function hintFilter(endpoints: readonly PortEndpoint[], place: NodePlace): ((endpoint: Endpoint) => boolean) | null {
  const zone = place.zone ?? '';
  const forNode = ({ nodeHints }: Endpoint): boolean => nodeHints.includes(place.nodeName);
  const forZone = ({ zoneHints }: Endpoint): boolean => zoneHints.includes(zone);
  let anyReady = false;
  let allNodeHints = place.nodeHints;
  let anyForNode = false;
  let allZoneHints = true;
  let anyForZone = false;
  for (const { endpoint } of endpoints) {
    if (!endpoint.ready) continue;
    anyReady = true;
    if (endpoint.nodeHints.length === 0) allNodeHints = false;
    else anyForNode ||= forNode(endpoint);
    if (endpoint.zoneHints.length === 0) allZoneHints = false;
    else anyForZone ||= forZone(endpoint);
    if (!allNodeHints && !allZoneHints) return null;
  }
  if (!anyReady) return null;
  if (allNodeHints && anyForNode) return forNode;
  return allZoneHints && anyForZone ? forZone : null;
}

function backendsOf(endpoints: readonly PortEndpoint[], takes: (endpoint: Endpoint) => boolean): readonly Backend[] {
  const backends: Backend[] = [];
  for (const { endpoint, backend } of endpoints) if (takes(endpoint)) backends.push(backend);
  return backends.length === 0 ? noBackends : Object.freeze(backends);
}

/** Going away, but still answering. */
function isDraining({ serving, terminating }: Endpoint): boolean {
  return serving && terminating;
}

function isUsable(endpoint: Endpoint): boolean {
  return endpoint.ready || isDraining(endpoint);
}
