/*
 * kube-proxy answers /healthz on port 10256 of all addresses and its metrics on 10249 of loopback (both by default). A
 * process that is stopped, crashed or stuck answers neither. The rules stay as they were at that moment, so the node goes
 * on working and gets older with every change of a Service; nobody repairs rules either.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { keepRules, restartKubeProxy, shellWord } from './shared/remedies.ts';
import { counted } from './shared/words.ts';

export const proxyDown: NodeCheck = {
  id: 'proxy-down',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'kube-proxy does not answer on this node',
  explanation: `Neither kube-proxy's health port nor its metrics port answers on the node. Nothing follows the API any more: new Services do not work here, deleted endpoints keep their share of the connections, and damage is not repaired. What already differs between the API and the rules is a child of this finding.

A node whose rules still match the API has no child yet; the next rollout will give it some.`,
  falsePositives: `Both ports must be silent, so a metrics address that was moved is not enough. Where kube-proxy was told to bind both to other ports, or is not used at all while rules of it were left behind (see \`leftover-proxy-rules\`), this fires wrongly: configure the ports, or remove the leftovers.`,
  remediation: `Look at the kube-proxy pod of the node and its log, then restart it. A pod that cannot be deleted or started points at the container runtime or the kubelet.`,
  needs: ['kubeProxy'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const part = view.parts.kubeProxy;
  if (part.state !== 'ok' || part.value.healthz !== 'silent' || part.value.metricsAnswered) return [];
  if (!isKubeProxyExpected(view)) return [];
  const drifted = view.drift.filter((drift) => drift.kind !== 'unknown').map((drift) => drift.key);
  const consequence =
    drifted.length === 0
      ? 'its rules no longer follow the API'
      : `its rules no longer follow the API (already out of step: ${counted(drifted.length, 'frontend')})`;
  return [
    {
      subject: nodeSubject(view),
      summary: `kube-proxy on ${view.name} answers neither on its health port nor on its metrics port; ${consequence}.`,
      evidence: part.value.problems.slice(0, 6).map((problem) => fact('attempt', problem)),
      remediation: [
        {
          command: `kubectl -n kube-system get pods --field-selector spec.nodeName=${shellWord(view.name)} -l k8s-app=kube-proxy -o wide`,
          effect: "Shows whether the node's kube-proxy pod is there and running (the label is kubeadm's).",
        },
        keepRules(view),
        restartKubeProxy(view.name),
      ],
      frontends: drifted,
      explains: 'all',
    },
  ];
}

/** Some clusters have no kube-proxy; then its silence says nothing. */
function isKubeProxyExpected({ profile, parts }: NodeView): boolean {
  if (profile.mode.source !== 'unknown') return profile.mode.value !== 'cilium' && profile.mode.value !== 'none';
  if (parts.proxyTraces.state !== 'ok') return false;
  const { iptables, nftables, ipvs } = parts.proxyTraces.value;
  return iptables || nftables || ipvs;
}
