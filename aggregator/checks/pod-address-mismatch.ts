/*
 * The kubelet writes a pod's address into the API once its sandbox is made. The address in the pod's namespace may be
 * another one, or gone: somebody flushed it (`ip addr flush` in the wrong namespace), a second plugin replaced it, the
 * sandbox was made anew and the kubelet has not told. Endpoints lead to an address that nobody answers at.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { PodNetwork } from '../../proto/parts.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { makeAnew } from './shared/pod-remedies.ts';
import { podTopic } from './shared/topics.ts';
import { isVirtualMachine, networkOf, wiredPods } from './shared/wired-pods.ts';
import { joined } from './shared/words.ts';

export const podAddressMismatch: NodeCheck = {
  id: 'pod-address-mismatch',
  layer: 'L1',
  scope: 'node',
  severity: 'critical',
  title: 'A pod does not have the address that the API says',
  explanation: `\`status.podIPs\` names an address that is on no link of the pod's network namespace. Services and other pods send to that address, and the pod does not answer: its kernel takes the packets for somebody else's. The address was removed or replaced inside the namespace after the sandbox was made, by hand, by a privileged container, or by a second CNI plugin.`,
  falsePositives: `The namespace is looked at through /proc of a process of the pod, known by its cgroup. Further addresses of the pod (Multus, alias addresses) are fine, and so is a namespace without any where the pod has a runtime class: gVisor keeps them in a network stack of its own. Virtual machines of KubeVirt may have the address themselves. Pods in the node's network, in their first minute or on their way out are not asked.`,
  remediation: `Delete the pod: its successor gets an address that both agree on. If it comes again, look for a container with NET_ADMIN that manages addresses.`,
  needs: ['podNetworks', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  return wiredPods(view, view.parts.podNetworks).flatMap((pod) => {
    const network = networkOf(view, pod);
    // As many as are listed of one pod: an address beyond may be there.
    if (network?.namespace !== 'own' || network.addresses.length >= 20) return [];
    // gVisor takes the addresses away from the namespace's links, into a network stack of its own.
    if ((pod.runtimeClass === true && network.addresses.length === 0) || isVirtualMachine(pod)) return [];
    const lost = pod.addresses.filter((address) => !network.addresses.some((one) => one.address === address));
    return lost.length === 0 ? [] : [violation(view, pod, { network, lost })];
  });
}

function violation(
  view: NodeView,
  pod: Pod,
  { network, lost }: { readonly network: PodNetwork; readonly lost: Pod['addresses'] },
): Violation {
  const { namespace, name } = pod;
  const real = network.addresses.map(({ address, link }) => `${address} (${link})`);
  return {
    subject: { kind: 'Pod', namespace, name },
    summary: `${namespace}/${name} on ${view.name} does not have ${joined(lost)}, which the API says it has: its namespace has ${real.length === 0 ? 'no address' : joined(real)}.`,
    evidence: [
      fact('status.podIPs', pod.addresses.join(', ')),
      fact("in the pod's namespace", real.length === 0 ? 'none' : real.join(', ')),
    ],
    remediation: [makeAnew(pod)],
    frontends: [],
    topics: [podTopic(namespace, name)],
    explainsTopics: [podTopic(namespace, name)],
  };
}
