/** kube-proxy's own unit tests, answered by walking the rules that it wrote: packet by packet, and from the table. */
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { type BackendRules, traceIptables } from '../../agent/dataplane/iptables.ts';
import { type PacketAnswer, tracePacket } from '../../agent/dataplane/packet-path.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { drift } from '../../aggregator/audit/drift.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import { backendOf, parseAddress } from '../../proto/address.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import { valueOr } from '../../proto/profile.ts';
import { answerFlow, type FlowAnswer } from '../answer-flow.ts';
import { type FlowCase, readFlowCases } from '../kube-proxy-flows.ts';

const cases = readFlowCases();

function rulesOf({ iptablesSave, profile }: FlowCase): BackendRules {
  const parsed = parseRules(iptablesSave, { expectTables: ['nat', 'filter'], trailer: 'required' });
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  return { backend: 'nft', family: profile.families[0] ?? 'ipv4', ruleset: parsed.ruleset };
}

function tableOf(flowCase: FlowCase, rules: BackendRules): ForwardingTable {
  const { profile } = flowCase;
  return traceIptables({
    rulesets: [rules],
    localAddresses: valueOr(profile.localAddresses, []),
    localDetector: {
      ipv4: valueOr(profile.localDetector.ipv4, { kind: 'none' }),
      ipv6: valueOr(profile.localDetector.ipv6, { kind: 'none' }),
    },
    nodePortAddresses: valueOr(profile.nodePortAddresses, 'all'),
  }).table;
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
    const table = tableOf(flowCase, rules);

    it.each(flowCase.flows)('$name, packet by packet', ({ flow, expected }) => {
      const localAddresses = valueOr(flowCase.profile.localAddresses, []);
      expect(inItsWords(tracePacket({ rulesets: [rules], ...flow, localAddresses }))).toEqual(expected);
    });

    it.each(flowCase.flows)('$name, from the table alone', ({ flow, expected }) => {
      expect(answerFlow(table, flowCase.profile, flow)).toEqual(expected);
    });

    const { services } = flowCase;
    if (services === null) return;
    it('differs in nothing from what its Services ask for', () => {
      const lists = { items: services };
      const read = readClusterState({
        services: lists,
        endpointSlices: { items: flowCase.endpointSlices },
        nodes: { items: [] },
      });
      if (!read.ok) throw new Error(read.problems.join('\n'));
      const desired = desiredState(read.value, { name: flowCase.nodeName, zone: null, profile: flowCase.profile });
      expect(drift(desired.table, table)).toEqual([]);
    });
  });
});
