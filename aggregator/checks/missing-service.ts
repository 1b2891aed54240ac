/*
 * No rule takes the packets of a frontend: it is new and kube-proxy did not hear of it (a stopped proxy, a hung watch),
 * or its entry in KUBE-SERVICES or KUBE-NODEPORTS was deleted. These two chains are rewritten by every sync, so any
 * change of any Service brings a deleted entry back; on a quiet cluster nothing changes for up to an hour, and from
 * v1.36 on with more than 1,000 endpoints for ever. Recorded: a deleted entry was still gone after 40 s of the 30 s
 * syncPeriod and came back with an unrelated Service.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, frontendsText, keysOf, originsOf } from './shared/findings.ts';
import { resync } from './shared/remedies.ts';
import { packetsFrom } from './shared/words.ts';

export const missingService: NodeCheck = {
  id: 'missing-service',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'A Service address is not programmed on this node',
  explanation: `The Service has endpoints that this node should use, but no rule takes packets to one of its addresses or node ports. They leave the node as they are, towards an address that nobody answers: clients wait until they time out.

It may hold for some origins only: pods and outside clients come through PREROUTING, the node's own processes through OUTPUT. The summary names those that are left alone.`,
  falsePositives: `Services that kube-proxy does not serve are not expected: headless ones, ExternalName, those labelled for another proxy, and load-balancer addresses with \`ipMode: Proxy\`. If another dataplane serves Services on this node, its mode is not iptables and the node is unknown.`,
  remediation: `Restart kube-proxy on the node. If only an entry of KUBE-SERVICES or KUBE-NODEPORTS was lost, any change of any Service makes kube-proxy write these chains anew.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'missing-service').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const packets = packetsFrom(originsOf(group));
  return {
    subject: group.subject,
    summary: `${view.name} has no rule for ${group.label} at ${frontendsText(group)}: ${packets} leave untranslated.`,
    evidence: forwardingEvidence(group.faults),
    remediation: resync(view),
    frontends: keysOf(group),
    explains: keysOf(group),
  };
}
