/** The audit of each recording says exactly what test/scenarios/expected has, which README.md explains. */
import { describe, expect, it } from 'vitest';
import { subjectText } from '../../aggregator/model/finding.ts';
import type { Audit } from '../../cli/audit/report.ts';
import { auditedWhole } from './audited.ts';
import { scenarios } from './expected/index.ts';
import type { Told } from './expected/scenario.ts';

function lines(told: readonly Told[]): readonly string[] {
  const all = told.flatMap(({ check, severity, state, node, subjects, under }) =>
    subjects.map((subject) => `${node ?? 'cluster'}: ${check} ${severity} ${state} ${subject} < ${under ?? '-'}`),
  );
  return all.sort();
}

function linesOf({ report: { findings } }: Audit): readonly string[] {
  const causes = new Map(findings.map((one) => [one.fingerprint, `${one.check} ${subjectText(one.subject)}`]));
  const all = findings.map(({ check, severity, state, node, subject, parent }) => {
    const under = parent === null ? '-' : causes.get(parent);
    return `${node ?? 'cluster'}: ${check} ${severity} ${state} ${subjectText(subject)} < ${under}`;
  });
  return all.sort();
}

function nodesOf({ report, untold }: Audit): Readonly<Record<string, string>> {
  return Object.fromEntries(
    report.nodes.map(({ name, state }) => [name, [state, ...(untold.has(name) ? [untold.get(name)] : [])].join(': ')]),
  );
}

describe('an audit says all that is wrong, and nothing more', () => {
  it.each(scenarios)('$title', async ({ recording, within = {}, nodes, told }) => {
    const audit = await auditedWhole(recording, within);
    expect(linesOf(audit)).toEqual(lines(told));
    expect(nodesOf(audit)).toEqual(nodes);
  });
});
