/** What the audit says of a case of kube-proxy's own tests, and answers to its packets in its words. */
import type { PacketAnswer } from '../../agent/dataplane/packet-path.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { buildView, evaluateCluster } from '../../aggregator/audit/evaluate.ts';
import { isLargeCluster } from '../../aggregator/audit/service-ports.ts';
import { checks } from '../../aggregator/checks/index.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import type { Drift } from '../../aggregator/model/drift.ts';
import type { Finding } from '../../aggregator/model/finding.ts';
import { backendOf, parseAddress } from '../../proto/address.ts';
import type { NodeParts } from '../../proto/parts.ts';
import type { FlowAnswer } from '../answer-flow.ts';
import type { FlowCase } from '../kube-proxy-flows.ts';
import { noParts, objects } from '../view-builders.ts';

/** All that the checks say of the case's node, which kube-proxy's own test calls right. */
export function auditFlowCase(
  { services, endpointSlices, nodeName, profile }: FlowCase,
  parts: Partial<NodeParts>,
): { readonly drift: readonly Drift[]; readonly findings: readonly Finding[] } {
  const read = readClusterState({
    services: { items: services ?? [] },
    endpointSlices: { items: endpointSlices },
    nodes: { items: [] },
  });
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const known = objects(read.value);
  const view = buildView({
    name: nodeName,
    node: null,
    profile,
    parts: { ...noParts, ...parts },
    desired: desiredState(read.value, { name: nodeName, zone: null, profile }),
    largeCluster: isLargeCluster(read.value),
    objects: known,
    peers: { parts: () => null },
  });
  return { drift: view.drift, findings: evaluateCluster({ nodes: [view], objects: known }, checks).findings };
}

/** A part that was read. */
export function collected<T>(value: T): { readonly state: 'ok'; readonly value: T; readonly collectedAt: string } {
  return { state: 'ok', value, collectedAt: '2026-11-22T07:47:18Z' };
}

/** In kube-proxy's words: a packet that is let through or that nothing takes goes nowhere else. */
export function inItsWords({ verdict, backends, masquerade }: PacketAnswer): FlowAnswer {
  if (verdict !== 'forward') return { output: [verdict === 'accept' ? 'NONE' : verdict.toUpperCase()], masquerade };
  const output = backends.flatMap(({ ip, port }) => {
    const address = parseAddress(ip);
    return address === null ? [] : [backendOf(address, port)];
  });
  return { output, masquerade };
}
