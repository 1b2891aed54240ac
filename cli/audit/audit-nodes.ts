/** Reads nodes through the agent's eyes and judges them with the aggregator's checks, all in this process. */
import type { Host } from '../../agent/host.ts';
import { type Observation, observe } from '../../agent/observe.ts';
import { desiredState, isSupportedMode } from '../../aggregator/audit/desired.ts';
import { buildView, type Evaluation, evaluateCluster } from '../../aggregator/audit/evaluate.ts';
import type { NodeStatus } from '../../aggregator/model/node-status.ts';
import { objectsOf } from '../../aggregator/audit/objects.ts';
import { uncomparedBecause } from '../../aggregator/audit/uncompared.ts';
import { withRuleEvidence } from '../../aggregator/audit/rule-evidence.ts';
import { isLargeCluster } from '../../aggregator/audit/service-ports.ts';
import { checks } from '../../aggregator/checks/index.ts';
import type { NodeView } from '../../aggregator/model/check.ts';
import type { ClusterObjects, ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import type { ToldNode } from '../../aggregator/snapshot/read-node.ts';
import { type DataplaneMode, valueOr } from '../../proto/profile.ts';
import type { Audit } from './report.ts';

export interface NodeToAudit {
  /** The Node's name in the API. */
  readonly name: string;
  readonly host: Host;
}

/**
 * Observes each node once, one after the other, and judges all of them together. Nodes of the API that are not among
 * `nodes` are in the answer too, as unknown.
 */
export async function auditNodes(nodes: readonly NodeToAudit[], state: ClusterSnapshot): Promise<Audit> {
  return judge(await observeAll(nodes), state);
}

/** Observes each once, one after the other. */
export async function observeAll(nodes: readonly NodeToAudit[]): Promise<readonly ObservedNode[]> {
  const observed: ObservedNode[] = [];
  for (const { name, host } of nodes) observed.push({ name, observation: await observe(host) });
  return observed;
}

export interface ObservedNode {
  readonly name: string;
  readonly observation: Pick<Observation, 'profile' | 'parts' | 'explain'>;
  /** What an aggregator remembered of it; absent where nobody did. */
  readonly remembered?: Pick<ToldNode, 'history' | 'converging'>;
}

/**
 * Holds what was observed against the API objects. Pure.
 * @param told whether nodes that were not observed are in the answer too.
 */
export function judge(
  observed: readonly ObservedNode[],
  state: ClusterSnapshot,
  told: 'all' | 'observed' = 'all',
): Audit {
  const { views, evaluation } = judgeViews(observed, state);
  const { nodes, findings, unknownReasons } = evaluation;
  const untold = new Map<string, string>();
  for (const view of views) {
    const reasons = notJudgedBecause(view) ?? unknownReasons.get(view.name)?.join('; ');
    if (reasons !== undefined) untold.set(view.name, reasons);
  }
  const recorded = new Set(views.map((view) => view.name));
  const others = told === 'all' ? state.nodes.filter(({ name }) => !recorded.has(name)) : [];
  const missing = others.map(({ name }) => notRecorded(name));
  for (const { name } of missing) untold.set(name, 'not recorded');
  const verdicts = [...nodes, ...missing].sort((one, other) => (one.name < other.name ? -1 : 1));
  const report = { apiVersion: 'plumbline.dev/v1', kind: 'AuditReport', nodes: verdicts, findings } as const;
  return { report, untold };
}

/** The views of the nodes that were observed, and what the checks say of them, with the rules behind it. Pure. */
export function judgeViews(
  observed: readonly ObservedNode[],
  state: ClusterSnapshot,
): { readonly views: readonly NodeView[]; readonly objects: ClusterObjects; readonly evaluation: Evaluation } {
  const objects = objectsOf(state);
  const reported = new Map(observed.map(({ name, observation }) => [name, observation.parts]));
  const around = { objects, peers: { parts: (name: string) => reported.get(name) ?? null } };
  const views = observed.map((node) => viewOf(node, state, around));
  const evaluation = evaluateCluster({ nodes: views, objects }, checks);
  const explanations = new Map(observed.map(({ name, observation }) => [name, observation.explain]));
  const findings = withRuleEvidence(evaluation.findings, (name) => explanations.get(name));
  return { views, objects, evaluation: { ...evaluation, findings } };
}

function viewOf(
  { name, observation: { profile, parts }, remembered }: ObservedNode,
  state: ClusterSnapshot,
  around: Pick<NodeView, 'objects' | 'peers'>,
): NodeView {
  const node = state.nodes.find((candidate) => candidate.name === name) ?? null;
  const mode = valueOr<DataplaneMode | null>(profile.mode, null);
  const isJudged = node !== null && mode !== null && isSupportedMode(mode);
  const desired = isJudged ? desiredState(state, { name, zone: node.zone, profile }) : null;
  const view = buildView({ name, node, profile, parts, desired, largeCluster: isLargeCluster(state), ...around });
  if (remembered === undefined) return view;
  // What is still on its way was told to nobody then.
  const drift = view.drift.filter(({ key }) => !remembered.converging.has(key));
  return { ...view, drift, history: remembered.history };
}

function notRecorded(name: string): NodeStatus {
  return { name, mode: 'unknown', state: 'unknown', frontends: { total: 0, inSync: 0, drifted: 0, unknown: 0 } };
}

/** Why nothing was held against anything; null where it was. */
function notJudgedBecause(view: NodeView): string | null {
  return view.node === null ? 'the API lists no Node of this name' : uncomparedBecause(view);
}
