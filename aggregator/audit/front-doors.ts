/**
 * Who is behind an address and port that are no pod's: a Service by one of its addresses, a Service by a node port, a pod by
 * a host port. What people ask about, as kube-proxy and the CNI plugin portmap translate it.
 */
import type { Address } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { ClusterNode, ClusterObjects, Pod, Service, ServicePort } from '../model/cluster.ts';
import { isLive } from './ends.ts';

/** By which of its addresses a Service is asked. */
export type ServiceDoor = 'cluster-ip' | 'external';

/** Null = no Service has the address. Of several, as external IPs may be shared, one that has the port comes first. */
export function serviceAt(
  objects: ClusterObjects,
  address: Address,
  { port, protocol }: { readonly port: number | null; readonly protocol: Protocol | null },
): { readonly service: Service; readonly door: ServiceDoor; readonly ports: readonly ServicePort[] } | null {
  let first: { service: Service; door: ServiceDoor; ports: readonly ServicePort[] } | null = null;
  for (const service of objects.services()) {
    const door = doorAt(service, address);
    if (door === null) continue;
    const ports = service.ports.filter(
      (one) => (port === null || one.port === port) && (protocol === null || one.protocol === protocol),
    );
    if (ports.length > 0) return { service, door, ports };
    first ??= { service, door, ports };
  }
  return first;
}

/** Null = it is none of its addresses. */
export function doorAt(
  { clusterIPs, externalIPs, loadBalancerIngress }: Service,
  address: Address,
): ServiceDoor | null {
  if (clusterIPs.ipv4 === address || clusterIPs.ipv6 === address) return 'cluster-ip';
  const isExternal = externalIPs.includes(address) || loadBalancerIngress.some((one) => one.address === address);
  return isExternal ? 'external' : null;
}

/** The Service of a node port, with its ports of that number: one, or one for each protocol. */
export function nodePortAt(
  objects: ClusterObjects,
  { port, protocol }: { readonly port: number; readonly protocol: Protocol | null },
): { readonly service: Service; readonly ports: readonly ServicePort[] } | null {
  for (const service of objects.services()) {
    const ports = service.ports.filter(
      (one) => one.nodePort === port && (protocol === null || one.protocol === protocol),
    );
    if (ports.length > 0) return { service, ports };
  }
  return null;
}

/** The pod of a node that has the host port, and its own port behind it. @param address that of the node that is asked. */
export function hostPortAt(
  objects: ClusterObjects,
  node: ClusterNode,
  asked: { readonly port: number; readonly protocol: Protocol | null; readonly address: Address | null },
): { readonly pod: Pod; readonly port: number; readonly protocol: Protocol } | null {
  for (const pod of objects.podsOn(node.name)) {
    // In its node's network a container's port is the node's own.
    if (pod.hostNetwork || !isLive(pod) || pod.terminating) continue;
    const own = pod.ports.find(
      ({ hostPort, hostAddress, protocol }) =>
        hostPort === asked.port &&
        (asked.protocol === null || protocol === asked.protocol) &&
        (hostAddress === null || asked.address === null || hostAddress === asked.address),
    );
    if (own !== undefined) return { pod, port: own.port, protocol: own.protocol };
  }
  return null;
}

/**
 * The pods behind a headless Service, whose slices are not kept: those that are ready, by its selector. Null = it selects
 * none, and whoever writes its endpoints decides.
 */
export function podsBehind(objects: ClusterObjects, { namespace, selector }: Service): readonly Pod[] | null {
  const labels = Object.entries(selector ?? {});
  if (labels.length === 0) return null;
  return [...objects.podsIn(namespace)].filter(
    (pod) => pod.ready && !pod.terminating && labels.every(([key, value]) => pod.labels[key] === value),
  );
}

/** The port that a pod has behind a Service's, as far as a name tells; a number is not kept of the Service. */
export function namedPort({ name, protocol, targetName }: ServicePort, pod: Pod): number | null {
  const wanted = targetName ?? name;
  const found = pod.ports.find((one) => wanted !== '' && one.name === wanted && one.protocol === protocol);
  return found?.port ?? null;
}

/** Its clients get the addresses of its pods, and no port is translated. */
export function isHeadless({ type, clusterIPs }: Service): boolean {
  return type !== 'ExternalName' && clusterIPs.ipv4 === undefined && clusterIPs.ipv6 === undefined;
}
