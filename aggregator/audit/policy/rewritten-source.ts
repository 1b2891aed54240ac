/** Whether policies of an endpoint may see a node's address in place of the source's. */
import type { Service } from '../../model/cluster.ts';
import type { FlowEnd } from '../../model/policy.ts';

/** How packets get to an endpoint of a Service. */
export type ServiceWay =
  | { readonly kind: 'cluster-ip' }
  | ({ readonly kind: 'external' } & Pick<Service, 'externalTrafficPolicy'>)
  /** `node`: the one whose port it is. */
  | ({ readonly kind: 'node-port'; readonly node: string } & Pick<Service, 'externalTrafficPolicy'>);

/**
 * kube-proxy writes a node's address over the source of what comes from outside, unless the Service asks it not to; and a
 * CNI plugin may, over that of a pod that goes to another node's address.
 */
export function mayBeRewritten(way: ServiceWay, from: FlowEnd): boolean {
  if (way.kind === 'cluster-ip') return from.kind === 'address';
  if (way.externalTrafficPolicy === 'Cluster') return true;
  return way.kind === 'node-port' && from.kind === 'pod' && !from.pod.hostNetwork && from.pod.nodeName !== way.node;
}
