/** The two ends of a flow as rules see them: by class, by the addresses that blocks may hold, on which node. */
import { type Address, type Family, familyOf, parseAddress, type Prefix } from '../../../proto/address.ts';
import type { ClusterNode, Pod } from '../../model/cluster.ts';
import type { Flow, FlowEnd } from '../../model/policy.ts';
import type { PodClass } from './classes.ts';

export interface SeenEnd {
  /** Null of what is no pod. */
  readonly podClass: PodClass | null;
  readonly pod: Pod | null;
  /** The node that it is, or in whose network it is; null of other ends. */
  readonly hostOf: string | null;
  /** As its peer may see it, of the flow's family: one address of a pod, several that a node may show. */
  readonly addresses: readonly Address[];
}

export interface EndsSource {
  node(name: string): ClusterNode | null;
}

/** Where the flow begins, as the other end sees it. */
export function seenSource(flow: Flow, podClass: PodClass | null, source: EndsSource): SeenEnd {
  const seen = seenEnd(flow.from, flow.family, podClass);
  if (seen.hostOf === null) return seen;
  const node = flow.from.kind === 'node' ? flow.from.node : source.node(seen.hostOf);
  return node === null ? seen : { ...seen, addresses: sourceAddresses(node, flow.family) };
}

/** Where it goes, as the other end sees it. */
export function seenTarget(flow: Flow, podClass: PodClass | null): SeenEnd {
  return seenEnd(flow.to, flow.family, podClass);
}

function seenEnd(end: FlowEnd, family: Family, podClass: PodClass | null): SeenEnd {
  switch (end.kind) {
    case 'pod': {
      const { pod } = end;
      return {
        podClass,
        pod,
        hostOf: pod.hostNetwork ? pod.nodeName : null,
        addresses: ofFamily(pod.addresses, family),
      };
    }
    case 'node':
      return { podClass: null, pod: null, hostOf: end.node.name, addresses: ofFamily(end.node.addresses, family) };
    case 'address':
      return { podClass: null, pod: null, hostOf: null, addresses: ofFamily([end.address], family) };
  }
}

/**
 * The addresses that packets from a node itself may have: its own, and those of the tunnels that its CNI leads them
 * through. Flannel's device has the first address of the node's range (flannel, backend/vxlan/device.go); Calico and
 * Cilium write theirs on the Node.
 */
export function sourceAddresses({ addresses, podCIDRs, cni }: ClusterNode, family: Family): readonly Address[] {
  const all = [
    ...addresses,
    ...(cni.flannel === null ? [] : podCIDRs.flatMap(firstAddress)),
    ...(cni.calico === null ? [] : [...cni.calico.addresses, ...cni.calico.tunnelAddresses]),
    ...(cni.cilium?.hostAddresses ?? []),
  ];
  return [...new Set(ofFamily(all, family))];
}

function ofFamily(addresses: readonly Address[], family: Family): readonly Address[] {
  return addresses.filter((address) => familyOf(address) === family);
}

function firstAddress(range: Prefix): readonly Address[] {
  const first = parseAddress(range.slice(0, range.indexOf('/')));
  return first === null ? [] : [first];
}
