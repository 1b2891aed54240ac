/*
 * Without usable endpoints kube-proxy writes a REJECT (none anywhere) or a DROP (none here, policy Local) into filter
 * KUBE-SERVICES or KUBE-EXTERNAL-SERVICES. KUBE-EXTERNAL-SERVICES hangs on INPUT and FORWARD only: the node's own packets
 * to an external address are not refused in iptables mode, and are not expected to be.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Severity, Violation } from '../model/finding.ts';
import { forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, frontendsText, keysOf, originsOf } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';
import { packetsFrom } from './shared/words.ts';

export const unrejectedService: NodeCheck = {
  id: 'unrejected-service',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'A Service without usable endpoint is not refused as it should be',
  explanation: `No endpoint of the Service is usable from this node, so connections to it should be refused at once (or dropped, where only the Local policy leaves the node without one). Here the packets are let through, or dropped where they should be refused: clients hang until they time out instead of failing fast, and packets for the cluster's service range may leave the node.

Packets that are refused where they should be dropped are told too, as low: a load balancer then sees this node as broken rather than as not responsible.`,
  falsePositives: `The node's own packets to external addresses and node ports of such a Service are not refused by kube-proxy's iptables mode; that is known and not expected.`,
  remediation: `Restart kube-proxy on the node. Any change of any Service makes kube-proxy write these chains anew, too.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'unrejected-service').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const { text, severity } = effect(group);
  const packets = packetsFrom(originsOf(group));
  return {
    subject: group.subject,
    summary: `${group.label} has no endpoint that ${view.name} may use, but at ${frontendsText(group)} ${packets} are ${text}.`,
    ...(severity === 'medium' ? {} : { severity }),
    evidence: forwardingEvidence(group.faults),
    remediation: resync(view),
    frontends: keysOf(group),
  };
}

function effect(group: FaultGroup): { readonly text: string; readonly severity: Severity } {
  const actions = group.faults
    .flatMap(({ differences }) => differences)
    .filter((difference) => difference.aspect === 'action')
    .map(({ real }) => real);
  if (actions.includes('none')) return { text: 'let through: clients hang until they time out', severity: 'medium' };
  if (actions.includes('drop')) return { text: 'dropped instead of refused: clients hang', severity: 'medium' };
  return { text: 'refused where they should be dropped in silence', severity: 'low' };
}
