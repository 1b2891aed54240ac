/** The other nodes that this one must reach. */
import { familyOf, type Address, type Prefix } from '../../../proto/address.ts';
import type { Part } from '../../../proto/parts.ts';
import { parseAddress } from '../../../proto/address.ts';
import type { NodeView } from '../../model/check.ts';
import type { ClusterNode } from '../../model/cluster.ts';
import { unixSeconds } from './times.ts';

/** A CNI plugin has this long to hear of a new node. */
const youngSeconds = 60;

/**
 * Nodes that are ready, are not about to go, and were there a minute before the part was read.
 * @param part what is held against them.
 */
export function peersOf({ name, objects }: NodeView, part: Part<unknown>): readonly ClusterNode[] {
  const readAt = part.state === 'ok' ? unixSeconds(part.collectedAt) : null;
  const peers: ClusterNode[] = [];
  for (const node of objects.nodes()) {
    if (node.name === name || node.ready === false || node.leaving) continue;
    const createdAt = node.createdAt === null ? null : unixSeconds(node.createdAt);
    const isYoung = readAt !== null && createdAt !== null && readAt - createdAt < youngSeconds;
    if (!isYoung) peers.push(node);
  }
  return peers;
}

/** The first address of a range: of a pod range nobody's own, so no pod's route stands in its way. */
export function firstAddress(range: Prefix): Address | null {
  return parseAddress(range.slice(0, range.lastIndexOf('/')));
}

/** The node's addresses of a family. */
export function addressesOf(node: ClusterNode, of: Address | Prefix): readonly Address[] {
  return node.addresses.filter((address) => familyOf(address) === familyOf(of));
}

/** The node that has this address, or speaks BGP by it, as Calico may have picked another one; null where it is none's. */
export function nodeWithAddress({ objects }: NodeView, address: Address): ClusterNode | null {
  for (const node of objects.nodes()) {
    if (node.addresses.includes(address) || node.cni.calico?.addresses.includes(address) === true) return node;
  }
  return null;
}
