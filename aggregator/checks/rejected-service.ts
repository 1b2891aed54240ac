/*
 * kube-proxy refuses a Service without usable endpoints by REJECT in the filter chains KUBE-SERVICES and
 * KUBE-EXTERNAL-SERVICES, and drops where only a Local policy leaves it without one. The rule stays when the endpoints
 * came back and kube-proxy did not hear of it, or could not write (kubernetes#102314).
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, frontendsText, keysOf, originsOf } from './shared/findings.ts';
import { resync, showEndpoints } from './shared/remedies.ts';
import { packetsFrom } from './shared/words.ts';

export const rejectedService: NodeCheck = {
  id: 'rejected-service',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'Packets are refused or dropped although usable endpoints exist',
  explanation: `The node refuses (REJECT) or drops connections to a Service that has endpoints this node should use. Its rules still say what was right when the Service had none: clients get "connection refused", or wait in vain where the packets are dropped.`,
  falsePositives: `A refusal is right where no endpoint is usable from this node: no ready one and no terminating one that still serves, or a Local policy without a local endpoint. Such frontends are expected to refuse.`,
  remediation: `Restart kube-proxy on the node. Any change of the Service's endpoints does the same for this Service, if kube-proxy hears of it.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'rejected-service').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const drops = group.faults.every(({ differences }) =>
    differences.every((difference) => difference.aspect !== 'action' || difference.real !== 'reject'),
  );
  const packets = packetsFrom(originsOf(group));
  return {
    subject: group.subject,
    summary: `${view.name} ${drops ? 'drops' : 'refuses'} ${packets} to ${group.label} at ${frontendsText(group)}, although usable endpoints exist.`,
    evidence: forwardingEvidence(group.faults),
    remediation: [...showEndpoints(group.subject), ...resync(view)],
    frontends: keysOf(group),
    explains: keysOf(group),
  };
}
