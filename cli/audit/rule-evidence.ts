/** The rules behind a finding: what packets to its first frontend meet on the node. */
import type { Observation } from '../../agent/observe.ts';
import type { Evidence, Finding } from '../../aggregator/model/finding.ts';
import { frontendKey, parseFrontendKey } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';

/** As many rules are shown: a Service's way through a node is four to six rules, and one for each endpoint. */
const shownRules = 12;

/** Adds rule lines to findings that speak of frontends and show no rule yet. */
export function withRuleEvidence(
  findings: readonly Finding[],
  explainOf: (node: string) => Observation['explain'] | undefined,
): readonly Finding[] {
  return findings.map((finding) => {
    const explain = finding.node === null ? undefined : explainOf(finding.node);
    const key = firstFrontend(finding.evidence);
    if (explain === undefined || key === null || finding.evidence.some(({ kind }) => kind === 'rule')) return finding;
    const lines = explain(key);
    const rules = lines.slice(0, shownRules).map(({ table, rule }, index): Evidence => {
      const note = index === 0 ? `the first rule that packets to ${key} meet` : '';
      return { kind: 'rule', table, rule, note };
    });
    const more = lines.length - rules.length;
    const rest: readonly Evidence[] = more > 0 ? [{ kind: 'fact', name: 'further rules met', value: `${more}` }] : [];
    return { ...finding, evidence: [...finding.evidence, ...rules, ...rest] };
  });
}

function firstFrontend(evidence: readonly Evidence[]): FrontendKey | null {
  for (const piece of evidence) {
    const frontend = piece.kind === 'forwarding' || piece.kind === 'backend' ? parseFrontendKey(piece.frontend) : null;
    if (frontend !== null) return frontendKey(frontend);
  }
  return null;
}
