/** The answer of `plumbline audit`: the form that other people's scripts read, and what follows from it. */
import type { NodeStatus } from '../../aggregator/model/node-status.ts';
import { type Finding, type Severity, severities } from '../../aggregator/model/finding.ts';

export interface AuditReport {
  readonly apiVersion: 'plumbline.dev/v1';
  readonly kind: 'AuditReport';
  readonly nodes: readonly NodeStatus[];
  /** Most urgent first; `parent` is the fingerprint of the cause. */
  readonly findings: readonly Finding[];
}

/** The report, and beside its fixed form what it cannot tell. */
export interface Audit {
  readonly report: AuditReport;
  /** By node, why nothing or not all could be told of it. */
  readonly untold: ReadonlyMap<string, string>;
  /** What of the API may not be asked for, one sentence each. */
  readonly gaps?: readonly string[];
}

/**
 * The audit with one namespace's findings only. What is not about a Service of another namespace stays: a missing base
 * jump or a silent kube-proxy concerns every namespace.
 */
export function inNamespace({ report, ...beside }: Audit, namespace: string): Audit {
  const kept = report.findings.filter(({ subject }) => !('namespace' in subject) || subject.namespace === namespace);
  const fingerprints = new Set(kept.map((finding) => finding.fingerprint));
  const findings = kept.map((finding) =>
    finding.parent === null || fingerprints.has(finding.parent) ? finding : { ...finding, parent: null },
  );
  return { ...beside, report: { ...report, findings } };
}

/** Whether a firing finding is at least as severe. What is unknown, pending or suppressed does not count. */
export function failsOn(report: AuditReport, least: Severity): boolean {
  const counted = severities.slice(0, severities.indexOf(least) + 1);
  return report.findings.some(({ state, severity }) => state === 'firing' && counted.includes(severity));
}

/** A finding with all that follows from it. */
export interface FindingTree {
  readonly finding: Finding;
  readonly children: readonly FindingTree[];
}

/** The causes, each with what follows from it, in the report's order. */
export function findingTrees(findings: readonly Finding[]): readonly FindingTree[] {
  const children = new Map<string | null, Finding[]>();
  for (const finding of findings) {
    const siblings = children.get(finding.parent);
    if (siblings === undefined) children.set(finding.parent, [finding]);
    else siblings.push(finding);
  }
  const treesUnder = (parent: string | null): readonly FindingTree[] =>
    (children.get(parent) ?? []).map((finding) => ({ finding, children: treesUnder(finding.fingerprint) }));
  return treesUnder(null);
}

/** How many findings follow from this one. */
export function countBelow(tree: FindingTree): number {
  return tree.children.reduce((sum, child) => sum + 1 + countBelow(child), 0);
}

/** What could not be told of a node, as a sentence without its full stop: `node-c is unknown: not recorded`. */
export function untoldText({ name, state }: NodeStatus, reason: string): string {
  return state === 'unknown' ? `${name} is unknown: ${reason}` : `not all of ${name} could be told: ${reason}`;
}
