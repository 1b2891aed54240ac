/*
 * kube-proxy keeps the chains of a Service as it last wrote them and never reads them back. A backend stays in them
 * when the change never reached kube-proxy (stopped, hung watch: kubernetes#28674, #38372, #51445), when its restore
 * failed (#112604), or when somebody edited the DNAT rule. From v1.27 on (partial sync by default) the chains of a
 * Service are rewritten only when that Service or its EndpointSlices change; from v1.36 on, past 1,000 endpoints, there
 * is no periodic full sync either. A changed targetPort makes every old backend stale and every new one missing.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { backendEvidence, forwardingEvidence } from './shared/evidence.ts';
import { type FaultGroup, faultGroups } from './shared/faults.ts';
import { driftClock, keysOf, originsOf, staleBackends, unique } from './shared/findings.ts';
import { resync, showEndpoints } from './shared/remedies.ts';
import { joined, packetsFrom } from './shared/words.ts';

export const staleEndpoint: NodeCheck = {
  id: 'stale-endpoint',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'A Service is forwarded to a backend that this node should not use',
  explanation: `The node's rules send a part of the connections to an address and port that is not among the endpoints this node has to use: the pod is gone, not ready, on the wrong side of a Local policy, or listens on another target port now. Those connections time out, or reach whatever pod got the address next.

Rules get old when kube-proxy no longer hears of changes or fails to write them, and stay old because it never compares the kernel with what it wrote. A Service whose endpoints were *replaced* is this finding; the new backends that are not programmed yet are told by \`missing-endpoint\` as its child.`,
  falsePositives: `The endpoints are those *this node* must use: policies, topology hints, and terminating pods that still serve are taken into account. Clients pinned by session affinity or by an open connection may use an old backend without any rule that says so; those are not looked at here.`,
  remediation: `Restart kube-proxy on the node: its first sync rewrites every Service. A change of the Service or its endpoints mends this Service only, and only if kube-proxy hears of it. If the finding comes back, look at kube-proxy's log for a watch that does not reconnect.`,
  needs: ['drift'],
  ...driftClock,
  evaluate: (view) => faultGroups(view, 'stale-endpoint').map((group) => violation(view, group)),
};

function violation(view: NodeView, group: FaultGroup): Violation {
  const backends = unique(group.faults.flatMap(staleBackends));
  const none = group.faults.every(({ differences }) => differences.every(({ aspect }) => aspect === 'action'));
  const why = none
    ? `although it should refuse or drop ${packetsFrom(originsOf(group))}`
    : 'which this node should not use';
  return {
    subject: group.subject,
    summary: `${view.name} forwards ${group.label} to ${joined(backends)}, ${why}.`,
    evidence: [...forwardingEvidence(group.faults), ...backendEvidence(group.faults, 'stale', staleBackends)],
    remediation: [...showEndpoints(group.subject), ...resync(view)],
    frontends: keysOf(group),
    explains: keysOf(group),
  };
}
