/** Faults of one pod's wiring, made by hand as an administrator, a crash or another program would make them. */
import { changeWithRoutes, type Undo } from './fault-undo.ts';
import { mustRunIn } from './namespaces.ts';
import type { LabPod, PodNode } from './pod-node.ts';

/** The pod's address and its link on the node. @throws of a pod that has none. */
export function wiredAs({ name, network }: LabPod): { readonly address: string; readonly nodeLink: string } {
  if (!network.ok) throw new Error(`${name} has no network: ${network.because}`);
  return network.value;
}

/** The pod's link on the node is switched off. */
export function vethDown(node: PodNode, pod: LabPod): Undo {
  const { nodeLink } = wiredAs(pod);
  return changeWithRoutes(node.namespace, [`link set ${nodeLink} down`], [`link set ${nodeLink} up`]);
}

/** Both ends of the pod's link are gone. What brings them back is another sandbox. */
export function vethDeleted(node: PodNode, pod: LabPod): void {
  mustRunIn(node.namespace, 'ip', ['link', 'del', wiredAs(pod).nodeLink]);
}

/** The pod's link on the node is no port of the bridge any more. */
export function takenOffBridge(node: PodNode, pod: LabPod): Undo {
  const { nodeLink } = wiredAs(pod);
  mustRunIn(node.namespace, 'ip', ['link', 'set', nodeLink, 'nomaster']);
  return () => {
    mustRunIn(node.namespace, 'ip', ['link', 'set', nodeLink, 'master', 'cni0']);
    setHairpin(node, nodeLink, 'on');
  };
}

/** What the pod sends to itself by its Service is not handed back to it. */
export function hairpinOff(node: PodNode, pod: LabPod): Undo {
  const { nodeLink } = wiredAs(pod);
  setHairpin(node, nodeLink, 'off');
  return () => setHairpin(node, nodeLink, 'on');
}

function setHairpin({ namespace }: PodNode, link: string, to: 'on' | 'off'): void {
  mustRunIn(namespace, 'bridge', ['link', 'set', 'dev', link, 'hairpin', to]);
}

/** The pod's link inside it has lost its address. */
export function addressRemoved(pod: LabPod): Undo {
  const { own } = addressOf(pod);
  return changeWithRoutes(pod.networkNamespace, [`addr del ${own} dev eth0`], [`addr replace ${own} dev eth0`]);
}

/** Inside the pod there is another address than the API says. */
export function addressReplaced(pod: LabPod, other: string): Undo {
  const { own, length } = addressOf(pod);
  const commands = [`addr del ${own} dev eth0`, `addr add ${other}/${length} dev eth0`];
  const back = [`addr del ${other}/${length} dev eth0`, `addr add ${own} dev eth0`];
  return changeWithRoutes(pod.networkNamespace, commands, back);
}

function addressOf(pod: LabPod): { readonly own: string; readonly length: string } {
  const { address } = wiredAs(pod);
  const text = mustRunIn(pod.networkNamespace, 'ip', ['-4', '-o', 'addr', 'show', 'dev', 'eth0']);
  const length = new RegExp(`inet ${address.replaceAll('.', '\\.')}/(\\d+)`).exec(text)?.[1];
  if (length === undefined) throw new Error(`${pod.name} does not have ${address}: ${text}`);
  return { own: `${address}/${length}`, length };
}

/** The pod has no way out of its own link. */
export function defaultRouteRemoved(pod: LabPod): Undo {
  return changeWithRoutes(pod.networkNamespace, ['route del default'], []);
}

/** The pod takes larger or smaller packets than the others. */
export function podMtu(pod: LabPod, mtu: number): Undo {
  const [link]: readonly { readonly mtu: number }[] = JSON.parse(
    mustRunIn(pod.networkNamespace, 'ip', ['-j', 'link', 'show', 'eth0']),
  );
  return changeWithRoutes(pod.networkNamespace, [`link set eth0 mtu ${mtu}`], [`link set eth0 mtu ${link?.mtu}`]);
}

/** The node has no route for the pod's address (ptp, Calico). */
export function podRouteDeleted(node: PodNode, pod: LabPod): Undo {
  const { address } = wiredAs(pod);
  return changeWithRoutes(node.namespace, [`route del ${address}`], []);
}

/** The node's route for the pod's address leads to another link; with a bridge that is a route too many. */
export function podRouteMisdirected(node: PodNode, pod: LabPod, link: string): Undo {
  const { address } = wiredAs(pod);
  const hadRoute = mustRunIn(node.namespace, 'ip', ['route', 'show', address]) !== '';
  const deletion = `route del ${address}`;
  const commands = [...(hadRoute ? [deletion] : []), `route add ${address} dev ${link} scope link`];
  return changeWithRoutes(node.namespace, commands, [deletion]);
}
