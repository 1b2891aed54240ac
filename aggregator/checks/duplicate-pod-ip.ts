/*
 * Two live pods have one address. On one node: the CNI plugin's store of addresses was lost while pods ran on (a wiped
 * /var/lib/cni, kubernetes#43910). On two nodes: both give away the same range, because their ranges overlap or another
 * CNI configuration wins (flannel#1437, aws/amazon-vpc-cni-k8s#711, Azure/azure-container-networking#1259).
 */
import type { Address } from '../../proto/address.ts';
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { makeAnew } from './shared/pod-remedies.ts';
import { isVirtualMachine } from './shared/wired-pods.ts';
import { joined } from './shared/words.ts';

export const duplicatePodIp: ClusterCheck = {
  id: 'duplicate-pod-ip',
  layer: 'L1',
  scope: 'cluster',
  severity: 'critical',
  title: 'Two live pods have the same address',
  explanation: `Two pods that run say that they have one and the same address. Packets reach one of them, or now this one and now that: connections break off, and answers come from the wrong program. Where both are on one node, the CNI plugin has lost its record of what is given away (\`/var/lib/cni\` was wiped, or a node was set up anew with pods still there). Where they are on two nodes, both nodes give away the same range.`,
  falsePositives: `Pods in the node's network share its address lawfully and are not asked, nor pods that have ended (Succeeded, Failed) or are being deleted: their address may have been given away again. The same goes for pods of a node that is gone or not ready, and for those whose sandbox is not there (after a boot). A virtual machine of KubeVirt that moves has its address in two pods. Kube-OVN may give one address away in several networks of tenants: silence this check there. A pod keeps its address in the API for a moment after its sandbox was made anew: the finding fires after a minute.`,
  remediation: `Find out which is in the right: the one whose address lies in its node's range. Delete the other; where both are on one node, delete both.`,
  needs: ['pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const seen = new Map<Address, Pod | null>();
  const shared = new Set<Address>();
  const isAsked = isLive(objects);
  for (const pod of objects.pods()) {
    if (!isAsked(pod)) continue;
    for (const address of new Set(pod.addresses)) {
      if (seen.has(address)) shared.add(address);
      else seen.set(address, pod);
    }
  }
  return [...shared].sort().map((address) => violation(address, objects.podsWithAddress(address).filter(isAsked)));
}

/** A pod whose node is gone, or does not answer, may have ended long ago; its address is another's by then. */
function isLive(objects: ClusterObjects): (pod: Pod) => boolean {
  const [anyNode] = objects.nodes();
  return (pod) => {
    const { hostNetwork, phase, terminating, sandboxReady, nodeName } = pod;
    if (hostNetwork || terminating || sandboxReady === false || isVirtualMachine(pod)) return false;
    const node = objects.node(nodeName ?? '');
    const isThere = node === null ? anyNode === undefined : node.ready !== false;
    return isThere && (phase === 'Running' || phase === 'Pending');
  };
}

function violation(address: Address, pods: readonly Pod[]): Violation {
  const nodes = [...new Set(pods.map(({ nodeName }) => nodeName ?? 'no node'))].sort();
  const names = pods.map(({ namespace, name }) => `${namespace}/${name}`).sort();
  const where = nodes.length === 1 ? `on ${nodes[0]}` : `on ${joined(nodes)}`;
  return {
    subject: { kind: 'Address', name: address },
    summary: `${joined(names)} ${where} have the same address ${address}: packets for one reach the other.`,
    evidence: pods
      .slice(0, 10)
      .map(({ namespace, name, nodeName, startedAt }) =>
        fact(`${namespace}/${name}`, `${nodeName ?? 'no node'}${startedAt === null ? '' : `, since ${startedAt}`}`),
      ),
    remediation: [
      {
        command: `kubectl get pods -A -o wide --field-selector status.podIP=${address}`,
        effect: "Shows them with their nodes: the one whose address is not of its node's range is in the wrong.",
      },
      ...pods.slice(0, 3).map(makeAnew),
    ],
    frontends: [],
  };
}
