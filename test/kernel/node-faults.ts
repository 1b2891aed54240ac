/** Faults of a whole node: its settings, its links, its routes. */
import { changeIn, changeWithRoutes, setIn, type Undo } from './fault-undo.ts';
import { mustRunIn } from './namespaces.ts';
import type { PodNode } from './pod-node.ts';

/** The node keeps for itself what it should hand on. */
export function forwardingOff({ namespace }: PodNode): Undo {
  return setIn(namespace, 'net.ipv4.ip_forward', 0);
}

/** The same for what comes in by one link. */
export function linkForwardingOff({ namespace }: PodNode, link: string): Undo {
  return setIn(namespace, `net.ipv4.conf.${link}.forwarding`, 0);
}

/** A packet must come in by the link that its answer would leave by. @param link or `all`. */
export function strictReversePath({ namespace }: PodNode, link = 'all'): Undo {
  return setIn(namespace, `net.ipv4.conf.${link}.rp_filter`, 1);
}

/** Answers to the tunnel's packets would leave by the uplink; with `strictReversePath` these packets are dropped. */
export function answersByUplink({ namespace }: PodNode, range: string, gateway: string): Undo {
  return changeWithRoutes(namespace, [`route replace ${range} via ${gateway} dev eth0`], [`route del ${range}`]);
}

/** Packets between ports of a bridge do not meet iptables. */
export function bridgeNetfilterOff({ namespace }: PodNode): Undo {
  return setIn(namespace, 'net.bridge.bridge-nf-call-iptables', 0);
}

/** Of `cni0` or `eth0`; what is written down of neighbours is gone too, see `tunnelDown`. */
export function linkDown({ namespace }: PodNode, link: string): Undo {
  return changeWithRoutes(namespace, [`link set ${link} down`], [`link set ${link} up`]);
}

/** The link is gone, with its routes. What brings it back is who made it. */
export function linkDeleted({ namespace }: PodNode, link: string): void {
  mustRunIn(namespace, 'ip', ['link', 'del', link]);
}

/** The largest packet that a link takes. */
export function linkMtu({ namespace }: PodNode, link: string, mtu: number): Undo {
  const text = mustRunIn(namespace, 'ip', ['-j', 'link', 'show', link]);
  const [shown]: readonly { readonly mtu: number }[] = JSON.parse(text);
  return changeIn(namespace, [`link set ${link} mtu ${mtu}`], [`link set ${link} mtu ${shown?.mtu}`]);
}

/** The bridge has lost its address, and with it the route of the pods' range. */
export function bridgeAddressRemoved({ namespace, number }: PodNode): Undo {
  const address = `10.244.${number}.1/24`;
  return changeWithRoutes(namespace, [`addr del ${address} dev cni0`], [`addr add ${address} dev cni0`]);
}

/** What goes to this range is thrown away. @param range one that the node has no route of already. */
export function blackholed({ namespace }: PodNode, range: string): Undo {
  return changeIn(namespace, [`route add blackhole ${range}`], [`route del blackhole ${range}`]);
}
