import { describe, expect, it } from 'vitest';
import { audited, factsOf, serviceOf, statesOf } from './audited.ts';

describe('rules in iptables-legacy and in nf_tables at once (s4)', () => {
  const facts = factsOf('s4-mixed-backends');

  it('are one finding of the node', async () => {
    const audit = await audited('s4-mixed-backends');
    const causes = audit.report.findings.filter((finding) => finding.parent === null);
    expect(causes.map(({ check, node, severity, state }) => ({ check, node, severity, state }))).toEqual([
      { check: 'mixed-backends', node: facts.node, severity: 'high', state: 'firing' },
    ]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'unknown', 'node-b': 'unhealthy', 'node-c': 'unknown' });
  });

  it('leave unknown exactly the Services on which the two disagree, for their order cannot be seen', async () => {
    const { report } = await audited('s4-mixed-backends');
    const [cause] = report.findings.filter((finding) => finding.parent === null);
    const children = report.findings.filter((finding) => finding !== cause);
    expect(new Set(children.map(({ parent, state }) => `${parent} ${state}`))).toEqual(
      new Set([`${cause?.fingerprint} unknown`]),
    );
    expect([...new Set(children.map(serviceOf))].sort()).toEqual([...(facts.stale ?? [])].sort());
  });
});
