/*
 * A pod runs and has an address, and its node has no way to it: the link was deleted (by a network manager that cleans
 * up, or a CNI DEL of another sandbox), is switched off, is no port of the bridge any more, or its route is gone. Calico's
 * Felix once removed routes when it worked with old data (calico#5173, #1117, #3960). The kubelet's probes from the node
 * fail as well, so the pod often restarts again and again, in the same sandbox.
 */
import { familyOf } from '../../proto/address.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import type { CniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { makeAnew } from './shared/pod-remedies.ts';
import { lookUp } from './shared/route-lookup.ts';
import { linkTopic, podTopic } from './shared/topics.ts';
import { cniOf, isJoinedBy, linkOf, networkOf, wiredPods } from './shared/wired-pods.ts';
import { joined } from './shared/words.ts';

export const podUnwired: NodeCheck = {
  id: 'pod-unwired',
  layer: 'L1',
  scope: 'node',
  severity: 'critical',
  title: 'A running pod has no link or route on its node',
  explanation: `The API says that the pod runs here and has an address, and the node has nothing that leads to it: its end of the pod's link is gone, switched off or no port of the bridge, or there is no route to the address, or the pod's own namespace has no link at all. Nobody reaches the pod and it reaches nobody. A network manager that cleans up interfaces it does not know, a second CNI plugin, or a daemon of the CNI plugin with old data brings it about; the kubelet does not notice, because the containers live.`,
  falsePositives: `Which link is a pod's is known from libcni's own record of the sandbox, never guessed. Pods in the node's network, pods in their first minute, pods that end, and pods of which no process runs here (after a boot) are not asked, nor pods that Multus has joined to another network. Where the CNI plugin wires pods by programs of its own (Cilium, Calico's eBPF) nothing is expected on the node; routes are looked up as the kernel does, and where that is not decided nothing is said.`,
  remediation: `Delete the pod: its successor is wired anew. Where many pods of a node have it, restart the CNI plugin's daemon first, and keep network managers from its interfaces.`,
  needs: ['cni', 'links', 'routes', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

interface Fault {
  readonly text: string;
  readonly links: readonly string[];
}

function evaluate(view: NodeView): readonly Violation[] {
  return wiredPods(view, view.parts.links).flatMap((pod) => {
    const cni = cniOf(view, pod);
    const isCertain = cni !== null && isJoinedBy(view, cni, pod);
    const faults = [...ownFaults(view, pod), ...(isCertain ? nodeFaults(view, cni, pod) : [])];
    return faults.length === 0 ? [] : [violation(view, pod, faults)];
  });
}

/** Seen in the pod's namespace, whatever the CNI plugin. */
function ownFaults(view: NodeView, pod: Pod): readonly Fault[] {
  const network = networkOf(view, pod);
  const isBare = network?.namespace === 'own' && network.links.length === 0;
  return isBare ? [{ text: 'its namespace has no link', links: [] }] : [];
}

function nodeFaults(view: NodeView, { wiring, bridge }: CniHere, pod: Pod): readonly Fault[] {
  if (wiring === 'other') return [];
  const link = linkOf(view, pod);
  if (link === 'absent') return [{ text: `its link on the node is gone`, links: [] }];
  const faults: Fault[] = [];
  if (link !== null && !link.isUp) faults.push({ text: `${link.name} is switched off`, links: [link.name] });
  if (wiring === 'bridge' && link !== null && link.master !== bridge) {
    faults.push({ text: `${link.name} is no port of ${bridge}`, links: [link.name] });
  }
  return [...faults, ...routeFaults(view, { wiring, bridge }, pod)];
}

/** Whether the node has a route of its own to each address of the pod. */
function routeFaults(
  view: NodeView,
  { wiring, bridge }: Pick<CniHere, 'wiring' | 'bridge'>,
  pod: Pod,
): readonly Fault[] {
  const { routes } = view.parts;
  if (routes.state !== 'ok') return [];
  const lost = pod.addresses.filter((address) => {
    const found = lookUp(routes.value, address);
    if (found.kind === 'none') return true;
    // The blackhole of its own block is what is left of Calico's routes.
    if (found.kind === 'refused') return wiring === 'routed';
    // Whatever is more specific than the default route is some way, and whether it is the right one another check's.
    return found.kind === 'route' && /^(?:0\.0\.0\.0|::)\/0$/.test(found.routes[0].destination);
  });
  // Of a family that the node routes no pod of, nothing is known.
  const told = lost.filter((address) => hasRouted(view, pod, address));
  const about = wiring === 'bridge' && bridge !== null ? [bridge] : [];
  return told.length === 0 ? [] : [{ text: `the node has no route to ${joined(told)}`, links: about }];
}

/** For the first address of a pod always, for another family's where some other pod here has a route of it. */
function hasRouted(view: NodeView, pod: Pod, address: Pod['addresses'][number]): boolean {
  const [first] = pod.addresses;
  if (address === first) return true;
  const { routes } = view.parts;
  if (routes.state !== 'ok') return false;
  const ranges = view.node?.podCIDRs ?? [];
  return ranges.some((range) => familyOf(range) === familyOf(address));
}

function violation(view: NodeView, pod: Pod, faults: readonly Fault[]): Violation {
  const { namespace, name, addresses } = pod;
  return {
    subject: { kind: 'Pod', namespace, name },
    summary: `${namespace}/${name} runs on ${view.name} and cannot be reached: ${joined(faults.map(({ text }) => text))}.`,
    evidence: [fact('addresses', addresses.join(', ')), ...faults.map(({ text }) => fact('found', text))],
    remediation: [makeAnew(pod)],
    frontends: [],
    topics: faults.some(({ links }) => links.length > 0)
      ? [...new Set(faults.flatMap(({ links }) => links.map(linkTopic))), podTopic(namespace, name)]
      : [podTopic(namespace, name)],
    explainsTopics: [podTopic(namespace, name)],
  };
}
