/**
 * The service ports that kube-proxy serves in one family, each with its endpoints: which Services count, and how slices
 * become one sorted list (pkg/proxy: types.go, servicechangetracker.go, endpointslicecache.go).
 */
import type { Address, Backend, Family } from '../../proto/address.ts';
import { backendOf, familyOf } from '../../proto/address.ts';
import type { ClusterState, Endpoint, EndpointSlice, Service, ServicePort } from '../model/cluster.ts';

/** An endpoint of one service port. */
export interface PortEndpoint {
  readonly backend: Backend;
  readonly endpoint: Endpoint;
}

/** One port of one Service in one family, as kube-proxy's own key has it. */
export interface ServedPort {
  readonly service: Service;
  readonly port: ServicePort;
  readonly clusterIP: Address;
  /** Ready or not, each backend once, sorted by its text as kube-proxy sorts. */
  readonly endpoints: readonly PortEndpoint[];
}

/** Above this many endpoints kube-proxy's iptables mode changes what it writes and when. */
const largeClusterThreshold = 1000;

/**
 * Every service port that kube-proxy serves in a family. Headless Services, ExternalName ones and those of another proxy
 * are none; a Service without a cluster IP of the family is not served there at all, not even on its node ports.
 */
export function servedPorts(state: ClusterState, family: Family): readonly ServedPort[] {
  const slices = slicesByService(state.endpointSlices, family);
  return state.services.flatMap((service) =>
    servedPortsOf(service, slices.get(`${service.namespace}/${service.name}`) ?? [], family),
  );
}

/**
 * The ports of one Service that kube-proxy serves in a family, in the Service's own order; none, or all of them.
 * @param slices of this Service, in any order; those of the other family are passed over.
 */
export function servedPortsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  family: Family,
): readonly ServedPort[] {
  const clusterIP = servedClusterIP(service, family);
  if (clusterIP === null) return [];
  // In order of their names, so that the order in which they were listed changes nothing.
  const own = slices.filter((slice) => slice.family === family).sort((a, b) => compareText(a.name, b.name));
  return service.ports.map((port) => ({ service, port, clusterIP, endpoints: endpointsOf(port, own) }));
}

/** The cluster IP at which kube-proxy serves a Service in a family; null where it does not serve it. */
export function servedClusterIP(service: Service, family: Family): Address | null {
  return service.type === 'ExternalName' || service.otherProxy ? null : (service.clusterIPs[family] ?? null);
}

/** Endpoints as kube-proxy counts them: over all service ports, so that a pod behind three ports counts three. */
export function countEndpoints(state: ClusterState): { readonly [family in Family]: number } {
  const count = (family: Family): number =>
    servedPorts(state, family).reduce((sum, { endpoints }) => sum + endpoints.length, 0);
  return { ipv4: count('ipv4'), ipv6: count('ipv6') };
}

/** Whether kube-proxy's iptables mode is in its large-cluster way, per family. */
export function isLargeCluster(state: ClusterState): { readonly [family in Family]: boolean } {
  return isLargeCount(countEndpoints(state));
}

/** The same, for endpoints that are counted already, as countEndpoints counts. */
export function isLargeCount({ ipv4, ipv6 }: { readonly [family in Family]: number }): {
  readonly [family in Family]: boolean;
} {
  return { ipv4: ipv4 > largeClusterThreshold, ipv6: ipv6 > largeClusterThreshold };
}

function slicesByService(slices: readonly EndpointSlice[], family: Family): ReadonlyMap<string, EndpointSlice[]> {
  const byService = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    if (slice.family !== family) continue;
    const key = `${slice.namespace}/${slice.serviceName}`;
    const known = byService.get(key);
    if (known === undefined) byService.set(key, [slice]);
    else known.push(slice);
  }
  return byService;
}

function endpointsOf(port: ServicePort, slices: readonly EndpointSlice[]): readonly PortEndpoint[] {
  const found: PortEndpoint[] = [];
  for (const slice of slices) {
    for (const { name, protocol, port: number } of slice.ports) {
      if (name !== port.name || protocol !== port.protocol) continue;
      for (const endpoint of slice.endpoints) {
        // A slice may hold an address of the other family; kube-proxy leaves it out.
        if (familyOf(endpoint.address) !== slice.family) continue;
        found.push({ backend: backendOf(endpoint.address, number), endpoint });
      }
    }
  }
  return withoutDuplicates(found.sort((a, b) => compareText(a.backend, b.backend)));
}

/** Of equal backends the later stands for all, unless it is terminating. */
function withoutDuplicates(sorted: readonly PortEndpoint[]): readonly PortEndpoint[] {
  const kept: PortEndpoint[] = [];
  let last: PortEndpoint | null = null;
  for (const next of sorted) {
    if (last === null || last.backend !== next.backend) kept.push(next);
    else if (next.endpoint.terminating) continue;
    else kept[kept.length - 1] = next;
    last = next;
  }
  return kept;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
