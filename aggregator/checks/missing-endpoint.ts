/*
 * The reverse of stale-endpoint, by the same ways: a change that kube-proxy never heard of, or lost when its
 * iptables-restore failed (kubernetes#112604, #121362), or an endpoint chain that lost its DNAT rule. In the last case a packet comes back from the KUBE-SEP chain and goes on to
 * the next rule of the KUBE-SVC chain, so the share of that endpoint falls to the ones behind it.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { backendEvidence, forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, keysOf, missingBackends, originsOf, unique } from './shared/findings.ts';
import { resync, showEndpoints } from './shared/remedies.ts';
import { joined, packetsFrom } from './shared/words.ts';

export const missingEndpoint: NodeCheck = {
  id: 'missing-endpoint',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'A backend that this node should use gets no traffic from it',
  explanation: `An endpoint is usable and lies within what this node has to use, but no rule of the node leads to it. Clients notice nothing but load: the other backends carry the share of the missing one. When they go away, for instance in a rollout, the Service fails on this node while it works on others.

Where the same Service also has a stale backend, or one of its jumps leads nowhere, that is the finding and this is its child.`,
  falsePositives: `Endpoints that are left out on purpose are not missing: topology hints and Local policies give every node its own set, and a terminating endpoint is used only where no ready one exists.`,
  remediation: `Restart kube-proxy on the node. A change of this Service's endpoints has the same effect for this Service, provided that kube-proxy hears of it.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'missing-endpoint').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const backends = joined(unique(group.faults.flatMap(missingBackends)));
  const packets = packetsFrom(originsOf(group));
  return {
    subject: group.subject,
    summary: `${view.name} leaves out ${backends} when it forwards ${packets} to ${group.label}.`,
    evidence: [...forwardingEvidence(group.faults), ...backendEvidence(group.faults, 'missing', missingBackends)],
    remediation: [...showEndpoints(group.subject), ...resync(view)],
    frontends: keysOf(group),
    explains: keysOf(group),
  };
}
