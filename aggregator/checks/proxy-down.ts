/*
 * kube-proxy answers /healthz on port 10256 of all addresses and its metrics on 10249 of loopback (both by default). A
 * process that is stopped, crashed or stuck answers neither. The rules stay as they were at that moment, so the node goes
 * on working and gets older with every change of a Service; nobody repairs rules either.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { kubeProxyPod, otherProxyName } from './shared/other-proxies.ts';
import { keepRules, restartKubeProxy, shellWord } from './shared/remedies.ts';
import { counted } from './shared/words.ts';

export const proxyDown: NodeCheck = {
  id: 'proxy-down',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'kube-proxy does not answer on this node',
  explanation: `Neither kube-proxy's health port nor its metrics port answers on the node. Nothing follows the API any more: new Services do not work here, deleted endpoints keep their share of the connections, and damage is not repaired. What already differs between the API and the rules is a child of this finding.

A node whose rules still match the API has no child yet; the next rollout will give it some.

Where no rule of kube-proxy is on the node either, or where another proxy may have taken its place, it fires only if a pod of kube-proxy is on the node. Else the finding is unknown, and says what speaks for what.`,
  falsePositives: `Both ports must be silent, so a metrics address that was moved is not enough. Where kube-proxy was told to bind both to other ports, or is not used at all while rules of it were left behind, and no sign of another proxy is on the node (see \`leftover-proxy-rules\`), this fires wrongly: configure the ports, or remove the leftovers. Cilium, Calico's eBPF mode, Antrea, kube-router and OVN-Kubernetes in kube-proxy's place are recognised, and nothing is missing there.`,
  remediation: `Look at the kube-proxy pod of the node and its log, then restart it. A pod that cannot be deleted or started points at the container runtime or the kubelet.`,
  needs: ['kubeProxy'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const part = view.parts.kubeProxy;
  if (part.state !== 'ok' || part.value.healthz !== 'silent' || part.value.metricsAnswered) return [];
  const expectation = expectationOf(view);
  if (expectation === null) return [];
  const drifted = view.drift.filter((drift) => drift.kind !== 'unknown').map((drift) => drift.key);
  const evidence = [
    ...expectation.evidence,
    ...part.value.problems.slice(0, 6).map((problem) => fact('attempt', problem)),
  ];
  const showPod = {
    command: `kubectl -n kube-system get pods --field-selector spec.nodeName=${shellWord(view.name)} -l k8s-app=kube-proxy -o wide`,
    effect: "Shows whether the node's kube-proxy pod is there and running (the label is kubeadm's).",
  };
  const told = { subject: nodeSubject(view), evidence, frontends: drifted };
  const silence = `kube-proxy on ${view.name} answers neither on its health port nor on its metrics port`;
  if (expectation.doubt !== null) {
    const summary = `${silence}, and ${expectation.doubt}.`;
    return [{ ...told, summary, remediation: [showPod], state: 'unknown' }];
  }
  const summary = `${silence}; ${consequence(expectation, drifted.length)}.`;
  return [
    {
      ...told,
      summary,
      remediation: [showPod, keepRules(view), restartKubeProxy(view.name)],
      explains: 'all',
    },
  ];
}

function consequence({ hasRules }: Expectation, drifted: number): string {
  if (!hasRules) return 'none of its rules is there, so Services do not work';
  return drifted === 0
    ? 'its rules no longer follow the API'
    : `its rules no longer follow the API (already out of step: ${counted(drifted, 'frontend')})`;
}

/** What speaks for a kube-proxy on this node. */
interface Expectation {
  readonly hasRules: boolean;
  /** Why it may be none that is missing; null = it is missing. */
  readonly doubt: string | null;
  readonly evidence: readonly Evidence[];
}

/** Some clusters have no kube-proxy: then its silence says nothing (null). */
function expectationOf(view: NodeView): Expectation | null {
  const { profile, parts } = view;
  const mode = profile.mode.source === 'unknown' ? null : profile.mode.value;
  if (mode === 'cilium' || mode === 'ebpf') return null;
  if (mode !== null && mode !== 'none') return { hasRules: true, doubt: null, evidence: [] };
  if (parts.proxyTraces.state !== 'ok') return null;
  const { iptables, nftables, ipvs } = parts.proxyTraces.value;
  const hasRules = iptables || nftables || ipvs;
  const pod = kubeProxyPod(view);
  const evidence = [...(pod === null ? [] : [fact('pod of kube-proxy on the node', pod)]), ...signsOf(view)];
  if (pod !== null) return { hasRules, doubt: null, evidence };
  const other = parts.ebpfProxy.state === 'ok' ? parts.ebpfProxy.value : null;
  if (other !== null && other.proxy !== null && other.replacesKubeProxy === null) {
    const rules = hasRules ? 'so its rules are left over, or nobody keeps them up to date' : 'or nobody does';
    return { hasRules, evidence, doubt: `${otherProxyName(view)} may serve Services in its place, ${rules}` };
  }
  if (hasRules) return { hasRules, doubt: null, evidence };
  // What was not looked at may well be there.
  if (other === null) return null;
  return {
    hasRules,
    evidence,
    doubt: 'there is neither a rule of it nor a sign of another proxy: who serves Services here is not known',
  };
}

function signsOf({ parts: { ebpfProxy } }: NodeView): readonly Evidence[] {
  const signs = ebpfProxy.state === 'ok' ? ebpfProxy.value.signs : [];
  return signs.slice(0, 6).map((sign) => fact('sign of another proxy', sign));
}
