/** kube-proxy's own unit tests of nftables mode, answered by walking its tables: packet by packet, and from the table. */
import { describe, expect, it } from 'vitest';
import {
  describeNftables,
  type FamilyTable,
  parseNftables,
  type TracedNft,
  traceNftables,
  traceNftPacket,
} from '../../agent/dataplane/nftables.ts';
import { valueOr } from '../../proto/profile.ts';
import { answerFlow } from '../answer-flow.ts';
import { type FlowCase, readFlowCases } from '../kube-proxy-flows.ts';
import { auditFlowCase, collected, inItsWords } from './audited-flows.ts';

const cases = readFlowCases('nftables');

function tableOf({ rules }: FlowCase): FamilyTable {
  const parsed = parseNftables(rules);
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  return { family: parsed.table.family, table: parsed.table };
}

function tracedOf({ profile }: FlowCase, table: FamilyTable): TracedNft {
  return traceNftables({
    tables: [table],
    localAddresses: valueOr(profile.localAddresses, []),
    localDetector: {
      ipv4: valueOr(profile.localDetector.ipv4, { kind: 'none' }),
      ipv6: valueOr(profile.localDetector.ipv6, { kind: 'none' }),
    },
  });
}

describe("kube-proxy's own packets, walked through its own nftables", () => {
  if (cases === null) {
    it.skip('not run: 116 flows of 26 cases, since kube-proxy-flows is not at hand', () => {});
    console.log('kube-proxy-flows is absent: 116 flows of 26 cases of nftables mode were not run');
    return;
  }

  it('all 116 flows are at hand', () => {
    expect(cases.flatMap(({ flows }) => flows)).toHaveLength(116);
  });

  describe.each(cases)('$name', (flowCase) => {
    const table = tableOf(flowCase);
    const traced = tracedOf(flowCase, table);

    it.each(flowCase.flows)('$name, packet by packet', ({ flow, expected }) => {
      const localAddresses = valueOr(flowCase.profile.localAddresses, []);
      expect(inItsWords(traceNftPacket({ tables: [table], ...flow, localAddresses }))).toEqual(expected);
    });

    it.each(flowCase.flows)('$name, from the table alone', ({ flow, expected }) => {
      expect(answerFlow(traced.table, flowCase.profile, flow, flowCase.strays)).toEqual(expected);
    });

    const structure = describeNftables(table.table, 14);

    it('is built as kube-proxy builds it', () => {
      const { danglingJumps, duplicateRules, unreadableRules, masqueradePath } = structure;
      expect([danglingJumps.total, duplicateRules.total, unreadableRules.total, masqueradePath]).toEqual([
        0,
        0,
        0,
        'ok',
      ]);
    });

    if (flowCase.services === null) return;
    it('as a bundle is clean', () => {
      const { table: found, unlisted } = traced;
      const parts = {
        forwarding: collected({ mode: 'nftables' as const, table: found, unlisted, owners: traced.owners() }),
        nftables: collected({ structures: [structure] }),
      };
      expect(auditFlowCase(flowCase, parts)).toEqual({ drift: [], findings: [] });
    });
  });
});
