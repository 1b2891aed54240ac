/*
 * Session affinity is one `recent --rcheck --seconds T` rule per endpoint before the balancing rules, and `recent --set`
 * in each endpoint chain. Both carry the timeout of the Service as it was at the last write, so a changed timeout that
 * did not reach the node shows here, as does a set in which some rules were lost.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, keysOf, unique } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';
import { affinityText, joined } from './shared/words.ts';

export const affinityMismatch: NodeCheck = {
  id: 'affinity-mismatch',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: "Session affinity differs from the Service's",
  explanation: `The Service asks for client affinity with a certain timeout, or for none, and the node's rules do something else: clients are moved to another backend too early, are held too long, or are not held at all. It also counts when only some of the backends have the rules, or with unequal times.`,
  falsePositives: `Only the rules are compared. A client that the kernel still remembers may stay with its backend for the old timeout even when the rules are right.`,
  remediation: `Restart kube-proxy on the node, or change this Service: both make kube-proxy write its affinity rules anew.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'affinity-mismatch').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const differences = group.faults
    .flatMap((fault) => fault.differences)
    .filter((difference) => difference.aspect === 'affinity');
  const wanted = joined(unique(differences.map((difference) => affinityText(difference.wanted))));
  const real = joined(unique(differences.map((difference) => affinityText(difference.real))));
  return {
    subject: group.subject,
    summary: `Session affinity of ${group.label} on ${view.name} is ${real} where the Service asks for ${wanted}.`,
    evidence: forwardingEvidence(group.faults),
    remediation: resync(view),
    frontends: keysOf(group),
  };
}
