/**
 * Asks the checks and makes findings of what they say. Depends on its arguments alone: no clock, no history; a violation
 * fires at once, and the lifecycle decides later what had to hold for how long.
 */
import type { Check, ClusterCheck, Need, NodeCheck, NodeView } from '../model/check.ts';
import type { Drift } from '../model/drift.ts';
import { type Finding, severities, type Violation } from '../model/finding.ts';
import { rootCauses } from './causes.ts';
import { fingerprint, subjectParts } from './fingerprint.ts';

export { buildView } from './view.ts';

export interface FrontendCounts {
  /** What the node should serve, and what it serves beyond that. */
  readonly total: number;
  readonly inSync: number;
  readonly drifted: number;
  readonly unknown: number;
}

/** One node of the report. */
export interface NodeStatus {
  readonly name: string;
  /** The dataplane mode, or `unknown`. */
  readonly mode: string;
  /** `unhealthy` when anything fires, else `unknown` when anything could not be told, else `healthy`. */
  readonly state: 'healthy' | 'unhealthy' | 'unknown';
  readonly frontends: FrontendCounts;
}

export interface Evaluation {
  readonly nodes: readonly NodeStatus[];
  /** By severity (most urgent first), check, node, subject. */
  readonly findings: readonly Finding[];
  /** Why something could not be told of a node, one line each; nodes of which all could be told are not in it. */
  readonly unknownReasons: ReadonlyMap<string, readonly string[]>;
}

/** A violation on its way to become a finding. */
interface Case {
  readonly check: string;
  readonly rules: Check;
  readonly violation: Violation;
  readonly fingerprint: string;
}

/**
 * Asks every check of scope `node` whose needs are met.
 * @returns findings in the order of Evaluation.findings, children with the fingerprint of their root cause.
 */
export function evaluateNode(view: NodeView, checks: readonly Check[]): readonly Finding[] {
  const scope = view.node?.uid ?? `name:${view.name}`;
  const cases = checks
    .filter((check) => check.scope === 'node')
    .filter((check) => meetsNeeds(view, check))
    .flatMap((check) => check.evaluate(view).map((violation) => caseOf(check, violation, scope)));
  const roots = rootCauses(cases);
  return sorted(cases.map((one) => findingOf(one, view.name, roots.get(one)?.fingerprint ?? null)));
}

/**
 * Evaluates all nodes. Checks of scope `cluster` come first: the drifts that they dispute are unknown for the nodes.
 * @param views one for every node of the API, in the order that the report should have.
 */
export function evaluateCluster(views: readonly NodeView[], checks: readonly Check[]): Evaluation {
  const clusterCases = checks
    .filter((check) => check.scope === 'cluster')
    .flatMap((check) => clusterViolations(views, check).map((violation) => caseOf(check, violation, 'cluster')));
  const settled = views.map((view) => withoutDisputed(view, clusterCases));
  const byNode = settled.map((view) => ({ view, findings: evaluateNode(view, checks), reasons: reasonsOf(view) }));
  return {
    nodes: byNode.map(({ view, findings, reasons }) => statusOf(view, findings, reasons.length > 0)),
    unknownReasons: new Map(
      byNode.filter(({ reasons }) => reasons.length > 0).map(({ view, reasons }) => [view.name, reasons]),
    ),
    findings: sorted([
      ...clusterCases.map((one) => findingOf(one, null, null)),
      ...byNode.flatMap(({ findings }) => findings),
    ]),
  };
}

function clusterViolations(views: readonly NodeView[], check: ClusterCheck): readonly Violation[] {
  return check.evaluate({ nodes: views.filter((view) => meetsNeeds(view, check)) });
}

function meetsNeeds(view: NodeView, { needs }: NodeCheck | ClusterCheck): boolean {
  return needs.every((need: Need) =>
    need === 'drift' ? view.desired !== null && view.observed !== null : view.parts[need].state === 'ok',
  );
}

function withoutDisputed(view: NodeView, cases: readonly Case[]): NodeView {
  const disputed = new Set(cases.flatMap(({ violation }) => [...(violation.disputes?.get(view.name) ?? [])]));
  if (disputed.size === 0) return view;
  return {
    ...view,
    drift: view.drift.map((drift): Drift => {
      const { key, frontend } = drift;
      return disputed.has(key) ? { kind: 'unknown', key, frontend, reason: 'model-disagreement' } : drift;
    }),
  };
}

function caseOf(rules: Check, violation: Violation, scope: string): Case {
  return { check: rules.id, rules, violation, fingerprint: fingerprint(rules.id, scope, violation.subject) };
}

function findingOf({ rules, violation, fingerprint: id }: Case, node: string | null, parent: string | null): Finding {
  return {
    fingerprint: id,
    check: rules.id,
    layer: rules.layer,
    severity: violation.severity ?? rules.severity,
    state: violation.state ?? 'firing',
    node,
    subject: violation.subject,
    parent,
    summary: violation.summary,
    evidence: violation.evidence,
    remediation: violation.remediation,
  };
}

function statusOf(view: NodeView, findings: readonly Finding[], isPartlyUnknown: boolean): NodeStatus {
  const { mode } = view.profile;
  const fires = findings.some(({ state }) => state === 'firing');
  return {
    name: view.name,
    mode: mode.source === 'unknown' ? 'unknown' : mode.value,
    state: fires ? 'unhealthy' : isPartlyUnknown ? 'unknown' : 'healthy',
    frontends: countFrontends(view),
  };
}

function countFrontends({ desired, observed, drift }: NodeView): FrontendCounts {
  if (desired === null || observed === null) return { total: 0, inSync: 0, drifted: 0, unknown: 0 };
  const unknown = drift.filter(({ kind }) => kind === 'unknown').length;
  const beyond = drift.filter(({ key }) => !desired.has(key)).length;
  const total = desired.size + beyond;
  return { total, inSync: total - drift.length, drifted: drift.length - unknown, unknown };
}

/** An absent part is no reason: the checks that need it are not asked, which the reader of a bundle knows. */
function reasonsOf(view: NodeView): readonly string[] {
  const { mode } = view.profile;
  const { iptables, kubeProxy, addresses, proxyTraces } = view.parts;
  const reasons: string[] = [];
  if (mode.source === 'unknown') reasons.push(`dataplane mode: ${mode.reason}`);
  else if (mode.value !== 'iptables') reasons.push(`dataplane mode ${mode.value}: its rules are not compared`);
  else if (iptables.state === 'absent') reasons.push('iptables: no rules were reported');
  else if (iptables.state === 'ok' && view.desired === null) reasons.push('what the node should do is not known');
  for (const [name, part] of Object.entries({ iptables, kubeProxy, addresses, proxyTraces })) {
    if (part.state === 'failed') reasons.push(`${name}: ${part.reason}`);
  }
  const counts = new Map<string, number>();
  for (const one of view.drift) {
    if (one.kind === 'unknown') counts.set(one.reason, (counts.get(one.reason) ?? 0) + 1);
  }
  for (const [reason, count] of counts) reasons.push(`${count} ${count === 1 ? 'frontend' : 'frontends'}: ${reason}`);
  return reasons;
}

function sorted(findings: readonly Finding[]): readonly Finding[] {
  const keyed = findings.map((finding) => ({ finding, key: sortKey(finding) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ finding }) => finding);
}

function sortKey({ severity, check, node, subject }: Finding): string {
  return [severities.indexOf(severity), check, node ?? '', ...subjectParts(subject)].join('\u0000');
}
