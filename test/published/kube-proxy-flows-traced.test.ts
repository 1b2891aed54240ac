/** kube-proxy's own unit tests, answered by walking the rules that it wrote: packet by packet, and from the table. */
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { type BackendRules, type Traced, traceIptables } from '../../agent/dataplane/iptables.ts';
import { type PacketAnswer, tracePacket } from '../../agent/dataplane/packet-path.ts';
import { describeStructure } from '../../agent/dataplane/structure.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { buildView, evaluateCluster } from '../../aggregator/audit/evaluate.ts';
import { isLargeCluster } from '../../aggregator/audit/service-ports.ts';
import { checks } from '../../aggregator/checks/index.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import { backendOf, parseAddress } from '../../proto/address.ts';
import { valueOr } from '../../proto/profile.ts';
import { answerFlow, type FlowAnswer } from '../answer-flow.ts';
import { type FlowCase, readFlowCases } from '../kube-proxy-flows.ts';

const cases = readFlowCases();

function rulesOf({ iptablesSave, profile }: FlowCase): BackendRules {
  const parsed = parseRules(iptablesSave, { expectTables: ['nat', 'filter'], trailer: 'required' });
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  return { backend: 'nft', family: profile.families[0] ?? 'ipv4', ruleset: parsed.ruleset };
}

function tracedOf({ profile }: FlowCase, rules: BackendRules): Traced {
  const selected = valueOr(profile.nodePortAddresses, 'all');
  return traceIptables({
    rulesets: [rules],
    localAddresses: valueOr(profile.localAddresses, []),
    localDetector: {
      ipv4: valueOr(profile.localDetector.ipv4, { kind: 'none' }),
      ipv6: valueOr(profile.localDetector.ipv6, { kind: 'none' }),
    },
    nodePortAddresses: selected === 'primary' ? 'all' : selected,
  });
}

/** All that the checks say of the case's node, which kube-proxy's own test calls right. */
function findingsOf({ services, endpointSlices, nodeName, profile }: FlowCase, rules: BackendRules, traced: Traced) {
  const read = readClusterState({
    services: { items: services ?? [] },
    endpointSlices: { items: endpointSlices },
    nodes: { items: [] },
  });
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const structures = [describeStructure({ ...rules, markBit: 14 })];
  const report = { ...traced, structures, owners: traced.owners() };
  const view = buildView({
    name: nodeName,
    node: null,
    profile,
    parts: {
      iptables: { state: 'ok', value: report, collectedAt: '2026-11-22T07:47:18Z' },
      kubeProxy: { state: 'absent' },
      addresses: { state: 'absent' },
      proxyTraces: { state: 'absent' },
      routes: { state: 'absent' },
      links: { state: 'absent' },
      cni: { state: 'absent' },
    },
    desired: desiredState(read.value, { name: nodeName, zone: null, profile }),
    largeCluster: isLargeCluster(read.value),
  });
  return { drift: view.drift, findings: evaluateCluster([view], checks).findings };
}

/** In kube-proxy's words: a packet that is let through or that nothing takes goes nowhere else. */
function inItsWords({ verdict, backends, masquerade }: PacketAnswer): FlowAnswer {
  if (verdict !== 'forward') return { output: [verdict === 'accept' ? 'NONE' : verdict.toUpperCase()], masquerade };
  const output = backends.flatMap(({ ip, port }) => {
    const address = parseAddress(ip);
    return address === null ? [] : [backendOf(address, port)];
  });
  return { output, masquerade };
}

describe("kube-proxy's own packets, walked through its own rules", () => {
  if (cases === null) {
    it.skip('not run: 166 flows of 35 cases, since kube-proxy-flows is not at hand', () => {});
    console.log('kube-proxy-flows is absent: 166 flows of 35 cases were not run');
    return;
  }

  it('all 166 flows are at hand', () => {
    expect(cases.flatMap(({ flows }) => flows)).toHaveLength(166);
  });

  describe.each(cases)('$name', (flowCase) => {
    const rules = rulesOf(flowCase);
    const traced = tracedOf(flowCase, rules);

    it.each(flowCase.flows)('$name, packet by packet', ({ flow, expected }) => {
      const localAddresses = valueOr(flowCase.profile.localAddresses, []);
      expect(inItsWords(tracePacket({ rulesets: [rules], ...flow, localAddresses }))).toEqual(expected);
    });

    it.each(flowCase.flows)('$name, from the table alone', ({ flow, expected }) => {
      expect(answerFlow(traced.table, flowCase.profile, flow)).toEqual(expected);
    });

    const { services } = flowCase;
    if (services === null) return;
    it('as a bundle is clean', () => {
      expect(findingsOf(flowCase, rules, traced)).toEqual({ drift: [], findings: [] });
    });
  });
});
