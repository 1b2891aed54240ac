/*
 * Rules outlive what asked for them when kube-proxy did not hear of the deletion or could not write it (kubernetes#80407,
 * #102314). The same is left of a Service that is still there but changed its nodePort, external or load-balancer
 * address. A freed cluster IP or node port is handed out again, so the old rules then take another Service's traffic.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, frontendsText, keysOf } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';

export const staleService: NodeCheck = {
  id: 'stale-service',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'An address or node port is served that no Service asks for',
  explanation: `A rule of kube-proxy takes packets to an address and port that no Service has: it was deleted, or it moved to another node port, external address or load-balancer address. Clients that still use the old address are served by whatever the old rules say, and a Service that is given the freed address later is shadowed by them.`,
  falsePositives: `Only frontends in kube-proxy's own chains are looked at; host ports of pods and published ports of a container runtime are not. A Service that the API lists but that is labelled for another proxy must not be served by kube-proxy, so rules for it do count.`,
  remediation: `Restart kube-proxy on the node. If nothing on the node runs kube-proxy any more, its rules are leftovers: see \`leftover-proxy-rules\`.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'stale-service').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  return {
    subject: group.subject,
    summary: `${view.name} still serves ${frontendsText(group)}, ${reason(view, group)}.`,
    evidence: forwardingEvidence(group.faults),
    remediation: resync(view),
    frontends: keysOf(group),
  };
}

function reason(view: NodeView, { subject, label }: FaultGroup): string {
  if (subject.kind !== 'Service') return 'which no Service asks for';
  for (const owner of view.owners.values()) {
    const isSame = owner.namespace === subject.namespace && owner.name === subject.name;
    if (isSame && owner.kind !== null) return `which Service ${label} does not ask for`;
  }
  return `the address of Service ${label}, which does not ask for it or is gone`;
}
