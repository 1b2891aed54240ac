/*
 * kube-proxy masquerades what comes from "not local" sources to a cluster IP. What is local is a prefix taken from
 * clusterCIDR (detectLocalMode ClusterCIDR) or from the Node's podCIDRs (NodeCIDR). A prefix that does not hold the pods
 * of this node makes kube-proxy masquerade its own pods: backends see the node in place of the pod, and NetworkPolicies
 * that name pods no longer match.
 */
import { type Family, familyOf } from '../../proto/address.ts';
import { isEmpty, prefixSet, subtract } from '../../proto/prefixes.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { restartKubeProxy } from './shared/remedies.ts';
import { joined } from './shared/words.ts';

const families: readonly Family[] = ['ipv4', 'ipv6'];

export const localDetectorWrong: NodeCheck = {
  id: 'local-detector-wrong',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: "kube-proxy's local pod range does not contain the node's pods",
  explanation: `kube-proxy decides by a prefix which sources are pods of this cluster or node. On this node the prefix does not hold the pod range that the Node object names, so packets of the node's own pods are taken for foreign ones and masqueraded: the backend sees the node's address, and policies by pod do not match. The usual cause is a \`clusterCIDR\` that was not changed with the cluster's pod range.`,
  falsePositives: `Nothing is said where the Node has no pod range of that family, where local traffic is told by interface, or where kube-proxy has no local detector. Some network plug-ins give pods addresses from pools that have nothing to do with the Node's range; there, check whether the detector's prefix holds those pools.`,
  remediation: `Set \`clusterCIDR\` in kube-proxy's configuration to the cluster's pod ranges (one of each family), or \`detectLocalMode: NodeCIDR\`, and restart kube-proxy.`,
  needs: ['drift'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate: (view) => families.flatMap((family) => evaluateFamily(view, family)),
};

function evaluateFamily(view: NodeView, family: Family): readonly Violation[] {
  const detector = view.profile.localDetector[family];
  if (detector.source === 'unknown' || detector.value.kind !== 'prefix') return [];
  const { prefix } = detector.value;
  const podCIDRs = (view.node?.podCIDRs ?? []).filter((cidr) => familyOf(cidr) === family);
  const outside = podCIDRs.filter((cidr) => !isEmpty(subtract(prefixSet([cidr]), prefixSet([prefix]))));
  if (outside.length === 0) return [];
  return [
    {
      subject: { kind: 'Rule', name: `local detector (${family})` },
      summary: `kube-proxy on ${view.name} takes ${prefix} for the local pods, but the node's pod range ${joined(outside)} lies outside of it.`,
      evidence: [
        fact('local pods by kube-proxy', `${prefix} (from ${detector.source})`),
        fact('pod ranges of the Node', joined(podCIDRs)),
      ],
      remediation: [
        {
          command: 'kubectl -n kube-system edit configmap kube-proxy',
          effect:
            'Opens the configuration that kubeadm gives kube-proxy; correct clusterCIDR or detectLocalMode there.',
        },
        restartKubeProxy(view.name),
      ],
      frontends: [],
    },
  ];
}
