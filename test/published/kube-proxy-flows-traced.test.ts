/** kube-proxy's own unit tests, answered by walking the rules that it wrote: packet by packet, and from the table. */
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { type BackendRules, type Traced, traceIptables } from '../../agent/dataplane/iptables.ts';
import { tracePacket } from '../../agent/dataplane/packet-path.ts';
import { describeStructure } from '../../agent/dataplane/structure.ts';
import { valueOr } from '../../proto/profile.ts';
import { answerFlow } from '../answer-flow.ts';
import { type FlowCase, readFlowCases } from '../kube-proxy-flows.ts';
import { auditFlowCase, collected, inItsWords } from './audited-flows.ts';

const cases = readFlowCases();

function rulesOf({ rules, profile }: FlowCase): BackendRules {
  const parsed = parseRules(rules, { expectTables: ['nat', 'filter'], trailer: 'required' });
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
      const { table, unlisted, serviceBackends } = traced;
      const structures = [describeStructure({ ...rules, markBit: 14 })];
      const parts = {
        forwarding: collected({ mode: 'iptables' as const, table, unlisted, owners: traced.owners() }),
        iptables: collected({ structures, serviceBackends, proxyChains: [], hostPortTables: [] }),
      };
      expect(auditFlowCase(flowCase, parts)).toEqual({ drift: [], findings: [] });
    });
  });
});
