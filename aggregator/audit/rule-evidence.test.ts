/** The rules that packets meet, shown with a finding. */
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../aggregator/model/finding.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import { finding } from '../../test/report-builders.ts';
import { withRuleEvidence } from './rule-evidence.ts';

const stale: Evidence = { kind: 'backend', frontend: 'tcp 10.96.0.1:80', backend: '10.244.1.2:80', state: 'stale' };
const line = (number: number): RuleLine => ({ table: 'nat', chain: 'A', rule: `-A A ${number}` });
const shown = (number: number, note = ''): Evidence => ({ kind: 'rule', table: 'nat', rule: `-A A ${number}`, note });
const firstNote = 'the first rule that packets to tcp 10.96.0.1:80 meet';

/** The evidence of a finding about a stale backend on node-b, where so many rules are met. */
function evidence(count: number, changes: Parameters<typeof finding>[1] = {}): readonly Evidence[] {
  const asked: FrontendKey[] = [];
  const explain = (key: FrontendKey): readonly RuleLine[] => {
    asked.push(key);
    return Array.from({ length: count }, (_, i) => line(i + 1));
  };
  const of = finding('stale-endpoint', { evidence: [stale], ...changes });
  const [result] = withRuleEvidence([of], (node) => (node === 'node-b' ? explain : undefined));
  expect(asked.every((key) => key === 'tcp 10.96.0.1:80')).toBe(true);
  return result?.evidence ?? [];
}

describe('a finding that speaks of a frontend', () => {
  it('shows the rules of its node behind its own evidence', () => {
    expect(evidence(2)).toEqual([stale, shown(1, firstNote), shown(2)]);
  });

  it('shows twelve of them and counts the rest', () => {
    const twelve = Array.from({ length: 12 }, (_, i) => shown(i + 1, i === 0 ? firstNote : ''));
    expect(evidence(12)).toEqual([stale, ...twelve]);
    expect(evidence(15)).toEqual([stale, ...twelve, { kind: 'fact', name: 'further rules met', value: '3' }]);
  });

  it('shows those of its first frontend', () => {
    const other: Evidence = { kind: 'forwarding', frontend: 'tcp 10.96.0.2:80', wanted: 'reject', real: 'none' };
    const fact: Evidence = { kind: 'fact', name: 'backends', value: '2' };
    expect(evidence(1, { evidence: [fact, stale, other] })).toEqual([fact, stale, other, shown(1, firstNote)]);
  });

  it('stays as it is where packets meet no rule', () => {
    expect(evidence(0)).toEqual([stale]);
  });
});

describe('a finding that stays as it is', () => {
  it.each<readonly [string, Parameters<typeof finding>[1]]>([
    ['shows a rule already', { evidence: [stale, shown(7, 'the jump')] }],
    ['speaks of no frontend', { evidence: [{ kind: 'fact', name: 'chains', value: '2' }] }],
    ['speaks of what is no frontend', { evidence: [{ ...stale, frontend: 'every frontend' }] }],
    ['is of a node whose rules are not at hand', { node: 'node-z' }],
    ['is of the whole cluster', { node: null }],
  ])('%s', (_, changes) => {
    expect(evidence(3, changes)).toEqual(changes?.evidence ?? [stale]);
  });
});
