/*
 * NetworkPolicies are an interface: the API server keeps them, and a network plugin enforces them, or does not. flannel, the
 * bridge and ptp plugins do not; then every policy is a wish, and whoever wrote it believes in a fence that is not there.
 */
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { isConcerned } from './shared/policies.ts';
import { counted, joined } from './shared/words.ts';

export const policyNotEnforced: ClusterCheck = {
  id: 'policy-not-enforced',
  layer: 'L5',
  scope: 'cluster',
  severity: 'high',
  title: 'NetworkPolicies exist, and nothing enforces them',
  explanation: `Policies isolate pods, and on the nodes where these run the CNI plugin is one that does not know policies (flannel, bridge, ptp), with no sign of anything beside it that does: no chains or links of Calico, Cilium, kube-router, Antrea or Weave, no pod of a policy controller. All that the policies forbid is let through.`,
  falsePositives: `Whatever can enforce policies and shows itself (chains \`KUBE-ROUTER-\`, \`CILIUM_\`, \`ANTREA-\`; Calico's and Cilium's links; pods of calico, canal, cilium, kube-router, antrea, weave, kube-network-policies, kindnet, ovn or an AWS agent) makes this check silent, also on other nodes. k3s and RKE2 bring kube-router's controller in their own process, known by its chains. A plugin that is not one of the three named says nothing.`,
  remediation: `Install a plugin that enforces policies (Calico and Cilium can run beside flannel, as Canal does), or kube-network-policies. Until then treat the namespaces as open.`,
  needs: ['policies', 'cni', 'links', 'iptables'],
  holdForSeconds: 300,
  clearForSeconds: 60,
  evaluate,
};

/** Plugins that know nothing of policies. */
const plain: readonly string[] = ['flannel', 'bridge', 'ptp'];
/** Words in chains, links, pods and images' names of whatever enforces policies. */
const enforcing =
  /cali|canal|cilium|kube-router|NWPLCY|KUBE-POD-FW|antrea|weave|network-policy|network-policies|netpol|kindnet|ovn|romana|npc\b|aws-node|eks-node|azure-npm|kubearmor/i;

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  const answers = objects.policy;
  if (answers === null || nodes.length === 0 || isEnforcedSomewhere(nodes, objects)) return [];
  const isolated = [...objects.policies()].flatMap((policy) => {
    const pods = answers.selectedBy(policy).filter(isConcerned);
    return pods.length === 0 ? [] : [{ policy, pods }];
  });
  const where = new Set(isolated.flatMap(({ pods }) => pods.flatMap(({ nodeName }) => nodeName ?? [])));
  const open = nodes.flatMap((view) => {
    const type = cniHere(view)?.configuration.plugins[0];
    return where.has(view.name) && type !== undefined && plain.includes(type) ? [{ name: view.name, type }] : [];
  });
  if (open.length === 0) return [];
  return [violation(isolated, open)];
}

/** One sign anywhere is enough: a controller runs on every node, or programs them all. */
function isEnforcedSomewhere(nodes: readonly NodeView[], objects: ClusterObjects): boolean {
  for (const { name } of objects.foreignPolicies()) if (name !== '') return true;
  for (const { namespace, name, labels } of objects.pods()) {
    const words = [name, ...Object.values(labels)];
    if ((namespace.endsWith('-system') || namespace === 'kube-flannel') && words.some((word) => enforcing.test(word)))
      return true;
  }
  return nodes.some(isEnforcing);
}

function isEnforcing({ parts, node }: NodeView): boolean {
  const { iptables, links, ebpfProxy, cni } = parts;
  const chains = iptables.state === 'ok' ? iptables.value.proxyChains : [];
  const names = links.state === 'ok' ? links.value.links.first.map(({ name }) => name) : [];
  const plugins = cni.state === 'ok' ? cni.value.configurations.flatMap((one) => one.plugins) : [];
  const signs = ebpfProxy.state === 'ok' ? ebpfProxy.value.signs : [];
  const said = node?.cni.calico !== null || node?.cni.cilium !== null;
  return (node !== null && said) || [...chains, ...names, ...plugins, ...signs].some((word) => enforcing.test(word));
}

interface Isolating {
  readonly policy: { readonly namespace: string; readonly name: string };
  readonly pods: readonly unknown[];
}

function violation(
  isolated: readonly Isolating[],
  open: readonly { readonly name: string; readonly type: string }[],
): Violation {
  const names = isolated.map(({ policy }) => `${policy.namespace}/${policy.name}`).sort();
  const pods = isolated.reduce((sum, one) => sum + one.pods.length, 0);
  return {
    subject: { kind: 'Cluster', name: 'NetworkPolicies' },
    summary: `${counted(names.length, 'NetworkPolicy').replace('NetworkPolicys', 'NetworkPolicies')} (${joined(names)}) ${names.length === 1 ? 'selects' : 'select'} ${counted(pods, 'pod')}, and nothing enforces ${names.length === 1 ? 'it' : 'them'}: ${joined(open.map(({ name, type }) => `${name} has ${type}`))}.`,
    evidence: open
      .slice(0, 10)
      .map(({ name, type }) => fact(name, `CNI plugin ${type}, no sign of anything that enforces policies`)),
    remediation: [
      {
        command:
          'kubectl apply -f https://raw.githubusercontent.com/kubernetes-sigs/kube-network-policies/main/install.yaml',
        effect:
          'Installs a controller of Kubernetes SIGs that enforces NetworkPolicies beside any plugin; read it first.',
      },
    ],
    frontends: [],
  };
}
