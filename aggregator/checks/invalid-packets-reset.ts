/*
 * Connection tracking calls a packet of TCP INVALID when it lies outside the window it expects: a late or doubled one.
 * It is not translated back then, so it reaches the client from the pod's own address, the client knows no such
 * connection and answers with a reset, and the pod closes a connection that was well. kube-proxy's iptables mode drops
 * such packets in KUBE-FORWARD since v1.15 (kubernetes#74839), unless nf_conntrack_tcp_be_liberal is set when it starts
 * (#117924, #120412). Its nftables mode leaves it to that setting on purpose (#122663), its ipvs mode never had a rule;
 * Linux 6.1 and later translates most of such packets.
 */
import type { IptablesStructure } from '../../proto/parts.ts';
import { type DataplaneMode, valueOr } from '../../proto/profile.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { program, restartKubeProxy } from './shared/remedies.ts';
import { serviceStructures } from './shared/rules.ts';

export const invalidPacketsReset: NodeCheck = {
  id: 'invalid-packets-reset',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'Packets in state INVALID are not dropped: long connections are reset',
  explanation: `A packet of TCP that connection tracking cannot place is not translated. From a pod that answers it reaches the client with the pod's address, the client resets what it does not know, and the pod loses a connection that was well: large downloads and long-lived connections break off at random with \`connection reset by peer\`. kube-proxy's iptables mode prevents it with a rule in KUBE-FORWARD that drops such packets. Here no rule does, and the kernel is not set to take them (\`nf_conntrack_tcp_be_liberal\` is 0).

kube-proxy looks at that setting only when it starts: where it was 1 at that time and was changed back, the rule is missing by its own doing.`,
  falsePositives: `With \`nf_conntrack_tcp_be_liberal\` set, kube-proxy leaves the rule out on purpose. So it does in nftables mode and in ipvs mode, which are not looked at. A firewall that drops all INVALID packets of chain FORWARD does as well. Where the jump to KUBE-FORWARD is missing, \`missing-base-jump\` says so. If the setting was not read and the rule is missing, the finding is unknown.`,
  remediation: `Restart kube-proxy on the node, which writes the rule; or set \`net.netfilter.nf_conntrack_tcp_be_liberal\` to 1 for good (\`conntrack.tcpBeLiberal\` in kube-proxy's configuration, from v1.29 on).`,
  needs: ['iptables'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { kernel } = view.parts;
  const isLiberal = kernel.state === 'ok' ? kernel.value.conntrackTcpBeLiberal : null;
  if (isLiberal === true || valueOr<DataplaneMode>(view.profile.mode, 'none') !== 'iptables') return [];
  return [...Map.groupBy(serviceStructures(view), ({ family }) => family).values()].flatMap((structures) =>
    structures.every(letsThrough)
      ? structures.slice(0, 1).map((structure) => violation(view, structure, isLiberal))
      : [],
  );
}

/** A table that was not read, or has lost the jump, says nothing of the rule. */
function letsThrough({ tables, dropsInvalid, missingBaseJumps }: IptablesStructure): boolean {
  return !dropsInvalid && tables.includes('filter') && !missingBaseJumps.some(({ to }) => to === 'KUBE-FORWARD');
}

function violation(view: NodeView, { backend, family }: IptablesStructure, isLiberal: false | null): Violation {
  const what = `${view.name} (${family}) forwards packets in state INVALID`;
  return {
    subject: { kind: 'Rule', name: `filter KUBE-FORWARD ctstate INVALID (${family})` },
    summary:
      isLiberal === null
        ? `${what}; whether connection tracking takes them (nf_conntrack_tcp_be_liberal), is not known.`
        : `${what}: long connections through Services are reset at random.`,
    evidence: [
      fact('rule that drops INVALID packets', 'none'),
      fact('nf_conntrack_tcp_be_liberal', isLiberal === null ? 'not read' : '0'),
    ],
    remediation: [
      restartKubeProxy(view.name),
      {
        command: `${program(backend, family)} -t filter -I KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP`,
        effect: `Run on ${view.name}: puts the rule where kube-proxy has it, at once.`,
      },
    ],
    frontends: [],
    ...(isLiberal === null ? { state: 'unknown' as const } : {}),
  };
}
