/** Faults of the way from one node to the pods of another, as flannel or plain routes lead it. */
import { changeIn, changeWithRoutes, type Undo } from './fault-undo.ts';
import { ipIn } from './lab-switch.ts';
import { mustRunIn } from './namespaces.ts';
import { deviceOf, macOf, tellOfPeers, tunnelAddress } from './overlay-lab.ts';
import type { PodNode } from './pod-node.ts';

/** No device has this one. */
const nobodysMac = '02:00:00:00:00:99';
/** No node has this one. */
export const nobodysAddress = '192.168.100.99';

/** flannel.1 sends packets for the peer to a node that does not exist. */
export function forwardingEntryWrong(node: PodNode, peer: PodNode): Undo {
  setEntry(node, macOf(peer), ['replace', 'dst', nobodysAddress]);
  return () => setEntry(node, macOf(peer), ['replace', 'dst', peer.address]);
}

/** flannel.1 does not know where the peer is. */
export function forwardingEntryDeleted(node: PodNode, peer: PodNode): Undo {
  setEntry(node, macOf(peer), ['del', 'dst', peer.address]);
  return () => setEntry(node, macOf(peer), ['replace', 'dst', peer.address]);
}

function setEntry({ namespace }: PodNode, mac: string, [how, ...where]: readonly [string, string, string]): void {
  mustRunIn(namespace, 'bridge', ['fdb', how, mac, 'dev', 'flannel.1', ...where]);
}

/** The peer's flannel.1 is written down with another MAC address than it has. */
export function neighbourWrong(node: PodNode, peer: PodNode): Undo {
  return changeIn(node.namespace, [neighbour(peer, nobodysMac)], [neighbour(peer, macOf(peer))]);
}

/** The peer's flannel.1 is not written down; with flannel nobody is asked for it. */
export function neighbourDeleted(node: PodNode, peer: PodNode): Undo {
  const deletion = `neigh del ${tunnelAddress(peer)} dev flannel.1`;
  return changeIn(node.namespace, [deletion], [neighbour(peer, macOf(peer))]);
}

function neighbour(peer: PodNode, mac: string): string {
  return `neigh replace ${tunnelAddress(peer)} lladdr ${mac} dev flannel.1 nud permanent`;
}

/** The node has no route to the peer's pods but its default one. */
export function peerRouteDeleted(node: PodNode, peer: PodNode): Undo {
  return changeWithRoutes(node.namespace, [`route del ${peer.range}`], []);
}

/** The node's route to the peer's pods is another one: `dev cni0`, `via 192.168.100.99 dev eth0`. */
export function peerRouteChanged(node: PodNode, peer: PodNode, other: string): Undo {
  const commands = [`route del ${peer.range}`, `route add ${peer.range} ${other}`];
  return changeWithRoutes(node.namespace, commands, [`route del ${peer.range}`]);
}

/** flannel.1 of the node is switched off, which takes along what it knows of its peers; the undo is flannel's restart. */
export function tunnelDown(node: PodNode, all: readonly PodNode[]): Undo {
  ipIn(node.namespace, ['link set flannel.1 down']);
  return () => {
    ipIn(node.namespace, ['link set flannel.1 up']);
    tellOfPeers(node, all);
  };
}

/**
 * flannel.1 of the node has another MAC address than flannel wrote on the Node, and than its peers know. It knows its
 * peers itself, as after it was made anew.
 */
export function tunnelMacChanged(node: PodNode, all: readonly PodNode[]): Undo {
  const before = macOf(node);
  // The kernel forgets neighbours with the address.
  const become = (mac: string) => {
    ipIn(node.namespace, [`link set flannel.1 address ${mac}`]);
    tellOfPeers(node, all);
  };
  become(nobodysMac);
  return () => become(before);
}

/**
 * What flannel does when it starts: flannel.1 as it should be, and every node told of every other.
 * @param mac that the Node is to have; flannel itself would write a new one on the Node.
 */
export function remakeTunnel(node: PodNode, all: readonly PodNode[], mac: string): void {
  ipIn(node.namespace, [...deviceOf(node), `link set flannel.1 address ${mac}`]);
  for (const each of all) tellOfPeers(each, all);
}
