/*
 * The kubelet asks a pod for its health from the pod's own node. The API says that traffic from the node a pod runs on is
 * always let in, and most plugins see to it; where one does not, an isolated pod never becomes ready.
 */
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import type { NetworkPolicy, PolicyAnswers, PolicyRule } from '../model/policy.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { fact } from './shared/evidence.ts';
import { isConcerned, policyName, policySubject, podsText } from './shared/policies.ts';
import { joined } from './shared/words.ts';

export const policyBlocksProbes: ClusterCheck = {
  id: 'policy-blocks-probes',
  layer: 'L5',
  scope: 'cluster',
  severity: 'medium',
  title: 'Isolated pods are not ready, and no rule lets their kubelet in',
  explanation: `Pods that a NetworkPolicy isolates for ingress are running and never become ready, the kubelet probes them over the network, and no rule lets their node's address in at the port of the probe. By the API the node of a pod is always let in, and most network plugins do so; some do not (or not while the node's address is another one than they know), and then every probe fails.`,
  falsePositives: `A pod that is not ready mostly has a reason of its own, so this is a hint, never more than medium: only where all isolated pods of a policy that have such probes are running and not ready, and nowhere in the cluster a pod that is isolated as well has been probed with success: that one proves that the plugin lets kubelets in. Calico and Cilium do so by themselves, and where either is at work nothing is said. Probes by a command never cross the network. A rule without peers, or one whose block holds the node's address, lets the kubelet in.`,
  remediation: `See \`kubectl describe pod\` first: the event of the probe says \`context deadline exceeded\` or \`connection refused\`. If it is the former, let the nodes' addresses in at the port.`,
  needs: ['policies'],
  holdForSeconds: 600,
  clearForSeconds: 60,
  evaluate,
};

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const answers = objects.policy;
  if (answers === null || exemptsNodes(objects, answers)) return [];
  const told = new Set<Pod>();
  return [...objects.policies()].flatMap((policy) => {
    if (!policy.types.includes('ingress')) return [];
    const pods = answers
      .selectedBy(policy)
      .filter((pod) => isConcerned(pod) && pod.phase === 'Running' && hasProbe(pod));
    const blocked = pods.filter((pod) => !pod.ready && isShut(objects, answers, pod));
    if (pods.length === 0 || blocked.length < pods.length) return [];
    // Of several policies on one pod the first speaks.
    for (const pod of blocked) told.add(pod);
    return [violation(answers, policy, blocked)];
  });
}

/** A pod that is shut and ready all the same is probed; and two plugins are known to let kubelets in. */
function exemptsNodes(objects: ClusterObjects, answers: PolicyAnswers): boolean {
  for (const pod of objects.pods()) {
    if (/^(?:calico-node|cilium|canal)-/.test(pod.name) && pod.namespace.endsWith('-system')) return true;
    if (!pod.ready || !isConcerned(pod) || !hasProbe(pod)) continue;
    if (answers.isolating(pod, 'ingress').length > 0 && isShut(objects, answers, pod)) return true;
  }
  return false;
}

function hasProbe({ kubeletProbes = [] }: Pod): boolean {
  return kubeletProbes.some(({ kind }) => kind !== 'liveness');
}

/** No rule of any policy lets any address of its node in at a port of its probes. */
function isShut(objects: ClusterObjects, answers: PolicyAnswers, pod: Pod): boolean {
  const node = pod.nodeName === null ? null : objects.node(pod.nodeName);
  if (node === null) return false;
  const ports = new Set((pod.kubeletProbes ?? []).map(({ port }) => port));
  const rules = answers.isolating(pod, 'ingress').flatMap(({ ingress }) => ingress);
  return !rules.some((rule) => letsPort(rule, pod, ports) && letsNode(rule, node.addresses));
}

function letsNode(
  { peers }: PolicyRule,
  addresses: Parameters<typeof contains>[1][] | readonly Parameters<typeof contains>[1][],
): boolean {
  if (peers.length === 0) return true;
  return peers.some(
    (peer) =>
      peer.kind === 'block' &&
      addresses.some(
        (address) => contains(prefixSet([peer.cidr]), address) && !contains(prefixSet([...peer.except]), address),
      ),
  );
}

function letsPort({ ports }: PolicyRule, pod: Pod, wanted: ReadonlySet<number>): boolean {
  if (ports.length === 0) return true;
  return ports.some(({ protocol, port, endPort }) => {
    if (protocol !== 'tcp') return false;
    if (port === null) return true;
    if (typeof port === 'string') return pod.ports.some((one) => one.name === port && wanted.has(one.port));
    return [...wanted].some((one) => one >= port && one <= (endPort ?? port));
  });
}

function violation(answers: PolicyAnswers, policy: NetworkPolicy, pods: readonly Pod[]): Violation {
  const [pod] = pods;
  const ports = [...new Set((pod?.kubeletProbes ?? []).map(({ port }) => String(port)))];
  return {
    subject: policySubject(policy),
    summary: `${podsText(pods)} that ${policyName(policy)} isolates ${pods.length === 1 ? 'is' : 'are'} running and not ready, and no rule lets the kubelet in at port ${joined(ports)}: if the network plugin does not exempt a pod's own node, that is why.`,
    evidence: [
      fact(
        'policies that isolate them',
        pod === undefined ? '' : joined(answers.isolating(pod, 'ingress').map(policyName)),
      ),
      ...pods.slice(0, 5).map(({ name, nodeName }) => fact(`pod ${name}`, `running on ${nodeName}, not ready`)),
    ],
    remediation: [
      {
        command: `kubectl -n ${policy.namespace} describe pod ${pod?.name}`,
        effect: 'Its events say how the probe fails: a timeout is a policy or the network, a refusal is the program.',
      },
    ],
    frontends: [],
  };
}
