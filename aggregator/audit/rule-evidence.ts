/** The rules behind a finding: what packets to its first frontend meet on the node. */
import { frontendKey, parseFrontendKey } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import type { Evidence, Finding } from '../model/finding.ts';

/** As many rules are shown: a Service's way through a node is four to six rules, and one for each endpoint. */
const shownRules = 12;

/** Adds rule lines to findings that speak of frontends and show no rule yet. */
export function withRuleEvidence(
  findings: readonly Finding[],
  explainOf: (node: string) => ((key: FrontendKey) => readonly RuleLine[]) | undefined,
): readonly Finding[] {
  return findings.map((finding) => {
    const explain = finding.node === null ? undefined : explainOf(finding.node);
    const key = firstFrontend(finding.evidence);
    if (explain === undefined || key === null || finding.evidence.some(({ kind }) => kind === 'rule')) return finding;
    const met = explain(key);
    const astray = waysTo(staleBackends(finding.evidence), met);
    const lines = astray.length > 0 ? astray : met;
    const first =
      astray.length > 0
        ? 'the way of packets that go astray, from its first rule'
        : `the first rule that packets to ${key} meet`;
    const rules = lines
      .slice(0, shownRules)
      .map(({ table, rule }, index): Evidence => ({ kind: 'rule', table, rule, note: index === 0 ? first : '' }));
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

function staleBackends(evidence: readonly Evidence[]): readonly string[] {
  return evidence.flatMap((piece) => (piece.kind === 'backend' && piece.state === 'stale' ? [piece.backend] : []));
}

/** The rules that lead to these backends, and no others: from the DNAT up, the jumps to its chain, to theirs, and so on. */
function waysTo(backends: readonly string[], lines: readonly RuleLine[]): readonly RuleLine[] {
  const targets = new Set(backends.map((backend) => `--to-destination ${backend}`));
  const leading = new Set(lines.filter(({ rule }) => [...targets].some((target) => rule.endsWith(target))));
  const chains = new Set([...leading].map(({ chain }) => chain));
  // A chain stands behind the rules that jump to it, so the way up is the list backwards.
  for (const line of [...lines].reverse()) {
    const target = jumpTarget(line.rule);
    if (target === null || !chains.has(target)) continue;
    leading.add(line);
    chains.add(line.chain);
  }
  return lines.filter((line) => leading.has(line));
}

/** The chain at the end of a rule's line; null for a rule that ends in another target or option. */
function jumpTarget(rule: string): string | null {
  const words = rule.split(' ');
  const [option, chain] = words.slice(-2);
  return option === '-j' || option === '-g' ? (chain ?? null) : null;
}
