/*
 * iptables-legacy and iptables-nft keep two sets of tables in the kernel, and both are on the hooks. kube-proxy picks one
 * at its start (the iptables-wrappers of its image follow the kubelet's hint chains); after an upgrade or a changed host
 * it may pick the other, and nothing removes the old rules (cloudnativelabs/kube-router#1069, kubernetes#71305,
 * aws/amazon-vpc-cni-k8s#3559). Of two nat hooks with one priority the one that was registered last translates first, and
 * no dump shows which that is.
 */
import type { Family } from '../../proto/address.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Drift } from '../model/drift.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { subjectText } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { groupBySubject } from './shared/faults.ts';
import { nodeSubject } from './shared/findings.ts';
import { keepRules, shellWord } from './shared/remedies.ts';
import { serviceStructures } from './shared/rules.ts';
import { counted, joined } from './shared/words.ts';

type UnknownDrift = Extract<Drift, { readonly kind: 'unknown' }>;

export const mixedBackends: NodeCheck = {
  id: 'mixed-backends',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'Service rules live in iptables-legacy and nf_tables at once',
  explanation: `Both backends of iptables hold rules of kube-proxy. Only one of them is kept up to date; the other is left from an earlier start. Both are asked for every packet, and which one translates it first cannot be read from the rules. Where the two agree nothing is lost; where they disagree the fate of a packet is not known, and each such Service is a child of this finding in state unknown.`,
  falsePositives: `Rules of other software in the second backend are common and harmless: only kube-proxy's service chains count. Where kube-proxy works in another mode both are left over, which \`leftover-proxy-rules\` says.`,
  remediation: `Find out which backend kube-proxy writes (its log, or the backend whose rules follow the API), make image and host agree, then drain and reboot the node: a reboot is what surely removes the rules of the other backend.`,
  needs: ['drift', 'iptables'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const part = view.parts.iptables;
  if (part.state !== 'ok' || part.value.serviceBackends.length < 2) return [];
  const { mode } = view.profile;
  // In another mode both are left over.
  if (mode.source === 'unknown' || mode.value !== 'iptables') return [];
  const disputed = view.drift
    .filter((drift) => drift.kind === 'unknown')
    .filter((drift) => drift.reason === 'order-not-visible');
  const keys = disputed.map((drift) => drift.key);
  const effect =
    keys.length === 0
      ? 'they agree on every service address'
      : `for ${counted(keys.length, 'frontend')} they disagree and the outcome cannot be told`;
  const cause: Violation = {
    subject: nodeSubject(view),
    summary: `${view.name} holds kube-proxy's service rules in iptables-legacy and in iptables-nft: ${effect}.`,
    evidence: [...backendFacts(view), fact('frontends on which they disagree', String(keys.length))],
    remediation: [keepRules(view), ...rebootNode(view.name)],
    frontends: keys,
    explains: keys,
  };
  return [cause, ...groupBySubject(view, disputed).map(({ subject, items }) => unknownFate(view, subject, items))];
}

function unknownFate(view: NodeView, subject: Violation['subject'], drifts: readonly UnknownDrift[]): Violation {
  const keys = drifts.map((drift) => drift.key);
  return {
    subject,
    summary: `Whether ${view.name} serves ${subjectText(subject)} at ${joined(keys)} as asked is unknown: its two iptables backends disagree, and their order cannot be seen.`,
    evidence: keys.slice(0, 10).map((key) => fact('backends disagree on', key)),
    remediation: [],
    frontends: keys,
    state: 'unknown',
  };
}

function backendFacts(view: NodeView): readonly Evidence[] {
  const families: readonly Family[] = ['ipv4', 'ipv6'];
  return families.flatMap((family) =>
    serviceStructures(view)
      .filter((structure) => structure.family === family)
      .map(({ backend, kubeRules }) =>
        fact(
          `iptables-${backend}, ${family}`,
          `kube-proxy rules: ${kubeRules.nat} in nat, ${kubeRules.filter} in filter`,
        ),
      ),
  );
}

function rebootNode(node: string): readonly Remedy[] {
  return [
    {
      command: `kubectl drain ${shellWord(node)} --ignore-daemonsets`,
      effect: `Moves the pods away from ${node}; then reboot it, which removes the rules of both backends, and kubectl uncordon it.`,
    },
  ];
}
