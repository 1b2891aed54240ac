/** At which of its addresses a node can be probed: inside its pods' range, and as a node. */
import { type Address, type Family, familyOf } from '../../proto/address.ts';
import type { NodeParts } from '../../proto/parts.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import type { ClusterNode } from '../model/cluster.ts';

/** One address of each family at most, of those at which the node's agent says that it answers. */
export interface ProbePlaces {
  readonly port: number;
  readonly overlay: readonly Address[];
  readonly node: readonly Address[];
  /** All at which it answers. */
  readonly listening: readonly Address[];
}

/** Links of CNI plugins whose addresses lie among the pods', whatever the Node says of its ranges; the best first. */
const overlayLinks = ['cni0', 'flannel.1', 'flannel-v6.1', 'vxlan.calico', 'vxlan-v6.calico', 'tunl0', 'cilium_host'];

/** Null where the node's agent does not probe, or nothing is known of its addresses. */
export function probePlaces(node: ClusterNode, parts: NodeParts): ProbePlaces | null {
  const { probes, addresses } = parts;
  if (probes.state !== 'ok' || addresses.state !== 'ok') return null;
  const listening = new Set(probes.value.listening);
  const pods = prefixSet(node.podCIDRs);
  const overlay = addresses.value.addresses
    .filter(({ address }) => listening.has(address) && !node.addresses.includes(address))
    .flatMap(({ link, address }) => {
      const rank = overlayLinks.indexOf(link);
      if (rank >= 0) return [{ address, rank }];
      // A gateway of pods: a bridge of another name, or the node's end of each veth.
      return contains(pods, address) ? [{ address, rank: overlayLinks.length }] : [];
    })
    .toSorted((a, b) => a.rank - b.rank || (a.address < b.address ? -1 : 1))
    .map(({ address }) => address);
  return {
    port: probes.value.port,
    overlay: firstOfEach(overlay),
    node: firstOfEach(node.addresses.filter((address) => listening.has(address))),
    listening: probes.value.listening,
  };
}

function firstOfEach(addresses: readonly Address[]): readonly Address[] {
  const families: readonly Family[] = ['ipv4', 'ipv6'];
  return families.flatMap((family) => addresses.find((address) => familyOf(address) === family) ?? []);
}
