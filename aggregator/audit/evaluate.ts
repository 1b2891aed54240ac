/**
 * Asks the checks and makes findings of what they say. Depends on its arguments alone: no clock, no history; a violation
 * fires at once, and the lifecycle decides later what had to hold for how long.
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { Check, ClusterView, Need, NodeCheck, NodeView } from '../model/check.ts';
import type { Drift } from '../model/drift.ts';
import { type Finding, severities, type Violation } from '../model/finding.ts';
import type { FrontendCounts, LayerStatus, NodeStatus } from '../model/node-status.ts';
import { rootCauses } from './causes.ts';
import { withNodeCauses } from './cluster-causes.ts';
import { fingerprint, subjectParts } from './fingerprint.ts';
import { isKnown, isObjectNeed } from './object-needs.ts';
import { layerStatuses, unknownReasons } from './unknown-reasons.ts';

export { buildView } from './view.ts';

export interface Evaluation {
  readonly nodes: readonly NodeStatus[];
  /** By severity (most urgent first), check, node, subject. */
  readonly findings: readonly Finding[];
  /** Why something could not be told of a node, one line each; nodes of which all could be told are not in it. */
  readonly unknownReasons: ReadonlyMap<string, readonly string[]>;
}

/** A finding with what only the aggregator's own bookkeeping needs of it. */
export interface JudgedFinding {
  readonly finding: Finding;
  /** The frontends that it speaks of. */
  readonly frontends: readonly FrontendKey[];
  /** What it was made of. */
  readonly violation: Violation;
}

/** What one look at a node, or at the cluster, came to. */
export interface Judgement {
  readonly findings: readonly JudgedFinding[];
  /** The checks that could be asked: what none of these says now is not so. */
  readonly asked: ReadonlySet<string>;
}

/** What the checks of scope `cluster` say; `disputes` are the drifts that they declare undecided, by node name. */
export interface ClusterJudgement extends Judgement {
  readonly disputes: ReadonlyMap<string, ReadonlySet<FrontendKey>>;
}

export interface NodeJudgement extends Judgement {
  readonly status: NodeStatus;
  /** Why something could not be told; empty when all could. */
  readonly unknownReasons: readonly string[];
  readonly layers: readonly LayerStatus[];
}

/** A violation on its way to become a finding. */
interface Case {
  readonly check: string;
  readonly rules: Check;
  readonly violation: Violation;
  readonly fingerprint: string;
}

/**
 * Evaluates all nodes. Checks of scope `cluster` come first: the drifts that they dispute are unknown for the nodes.
 * @param view its nodes in the order that the report should have.
 */
export function evaluateCluster(view: ClusterView, checks: readonly Check[]): Evaluation {
  const cluster = judgeCluster(view, checks);
  const nodes = view.nodes.map((node) => judgeNode(node, cluster.disputes.get(node.name) ?? noFrontends, checks));
  const onNode = new Map(nodes.map(({ status, findings }) => [status.name, findings]));
  const all = [cluster.findings, ...onNode.values()].flat();
  return {
    nodes: nodes.map(({ status }) => status),
    unknownReasons: new Map(
      nodes.flatMap(({ status, unknownReasons }) =>
        unknownReasons.length === 0 ? [] : [[status.name, unknownReasons] as const],
      ),
    ),
    findings: inOrder(withNodeCauses(all, (name) => onNode.get(name) ?? []).map(({ finding }) => finding)),
  };
}

const noFrontends: ReadonlySet<FrontendKey> = new Set();

/** Asks every check of scope `cluster`, each of the nodes that meet its needs. */
export function judgeCluster({ nodes: views, objects }: ClusterView, checks: readonly Check[]): ClusterJudgement {
  const asked = new Set<string>();
  const cases: Case[] = [];
  for (const check of checks) {
    if (check.scope !== 'cluster') continue;
    const ofNodes = check.needs.filter((need) => !isObjectNeed(need));
    const nodes = views.filter((view) => ofNodes.every((need) => isThere(view, need)));
    // A check that needs no node speaks of the API's objects alone.
    const canBeAsked =
      (ofNodes.length === 0 || nodes.length > 0) &&
      check.needs.every((need) => !isObjectNeed(need) || isKnown(objects, need));
    if (!canBeAsked) continue;
    asked.add(check.id);
    for (const violation of check.evaluate({ nodes, objects })) cases.push(caseOf(check, violation, 'cluster'));
  }
  const roots = rootCauses(cases);
  const findings = cases.map((one) => judged(one, null, roots.get(one)?.fingerprint ?? null));
  return { asked, disputes: disputesOf(cases), findings };
}

function disputesOf(cases: readonly Case[]): ClusterJudgement['disputes'] {
  const disputes = new Map<string, Set<FrontendKey>>();
  for (const { violation } of cases) {
    for (const [node, keys] of violation.disputes ?? []) {
      const known = disputes.get(node) ?? new Set<FrontendKey>();
      for (const key of keys) known.add(key);
      disputes.set(node, known);
    }
  }
  return disputes;
}

/**
 * Asks every check of scope `node` whose needs are met.
 * @param disputed frontends of which the cluster's checks say that nothing can be claimed.
 * @returns findings in the order of Evaluation.findings, children with the fingerprint of their root cause.
 */
export function judgeNode(
  given: NodeView,
  disputed: ReadonlySet<FrontendKey>,
  checks: readonly Check[],
): NodeJudgement {
  const view = withoutDisputed(given, disputed);
  const scope = view.node?.uid ?? `name:${view.name}`;
  const asked = checks.filter((check) => check.scope === 'node').filter((check) => meetsNeeds(view, check));
  const cases = asked.flatMap((check) => check.evaluate(view).map((violation) => caseOf(check, violation, scope)));
  const roots = rootCauses(cases);
  const findings = cases.map((one) => judged(one, view.name, roots.get(one)?.fingerprint ?? null));
  const reasons = unknownReasons(view);
  return {
    asked: new Set(asked.map(({ id }) => id)),
    findings: findings.sort((a, b) => compareText(sortKey(a.finding), sortKey(b.finding))),
    status: statusOf(view, findings, reasons.length > 0),
    unknownReasons: reasons,
    layers: layerStatuses(view, checks),
  };
}

function meetsNeeds(view: NodeView, { needs }: NodeCheck): boolean {
  return needs.every((need) => isThere(view, need));
}

function isThere(view: NodeView, need: Need): boolean {
  switch (need) {
    case 'drift':
      return view.desired !== null && view.observed !== null;
    case 'history':
      return view.history !== null;
    case 'udp-flows':
      return view.parts.conntrack.state === 'ok' && view.parts.conntrack.value.udp !== null;
    default:
      return isObjectNeed(need) ? isKnown(view.objects, need) : view.parts[need].state === 'ok';
  }
}

function withoutDisputed(view: NodeView, disputed: ReadonlySet<FrontendKey>): NodeView {
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

function judged(one: Case, node: string | null, parent: string | null): JudgedFinding {
  const { rules, violation } = one;
  const finding: Finding = {
    fingerprint: one.fingerprint,
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
  return { finding, frontends: violation.frontends, violation };
}

function statusOf(view: NodeView, findings: readonly JudgedFinding[], isPartlyUnknown: boolean): NodeStatus {
  const { mode } = view.profile;
  const fires = findings.some(({ finding }) => finding.state === 'firing');
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

/** Findings as every list shows them: by severity (most urgent first), check, node, subject. */
export function inOrder<T extends Finding>(findings: readonly T[]): readonly T[] {
  const keyed = findings.map((finding) => ({ finding, key: sortKey(finding) }));
  return keyed.sort((a, b) => compareText(a.key, b.key)).map(({ finding }) => finding);
}

function sortKey({ severity, check, node, subject }: Finding): string {
  return [severities.indexOf(severity), check, node ?? '', ...subjectParts(subject)].join('\u0000');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
