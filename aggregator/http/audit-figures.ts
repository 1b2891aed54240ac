/** What the audit knows, as figures; counted anew at each scrape. Never a series for each node and Service. */
import type { Check } from '../model/check.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import type { AuditRecord, Figure, NodeRecord } from '../model/record.ts';
import { groupNodeFigures } from './group-figures.ts';
import { nodeStates } from './schemas/node.ts';
import { openStates } from './schemas/finding.ts';

/** With more nodes than this, no figure is told for each. */
const mostNodes = 2_000;
const mostServices = 1_000;

export interface AuditFigures {
  readonly figures: readonly Figure[];
  /** Series that are not told, because there are too many of their kind. */
  readonly dropped: number;
}

/** @param nowMs Unix milliseconds. */
export function auditFigures(
  record: Pick<AuditRecord, 'findings' | 'nodes' | 'readiness'>,
  checks: readonly Check[],
  nowMs: number,
): AuditFigures {
  const findings = record.findings();
  const nodes = record.nodes();
  const perNode = nodes.length > mostNodes ? { figures: [], dropped: 0 } : nodeFigures(nodes, nowMs);
  const perService = serviceFigures(findings);
  const perGroup = groupNodeFigures(findings);
  return {
    figures: [
      ...checks.map(checkFigure),
      ...findingFigures(findings, checks),
      ...groupFigures(findings, checks),
      ...perGroup.figures,
      ...nodeCounts(nodes),
      ...perNode.figures,
      ...perService.figures,
      gauge('plumbline_ready', 'Whether the aggregator can do its work: 1 or 0.', {}, Number(record.readiness().ready)),
    ],
    dropped: perService.dropped + perGroup.dropped + (nodes.length > mostNodes ? nodes.length * 2 : 0),
  };
}

function gauge(name: string, help: string, labels: Readonly<Record<string, string>>, value: number): Figure {
  return { name, help, kind: 'gauge', labels, value };
}

/** What a check says in words, for alerts and dashboards to show beside its id. */
function checkFigure({ id, layer, scope, title }: Check): Figure {
  const labels = { check: id, layer, scope, title };
  return gauge('plumbline_check_info', 'The checks, with what holds when one fires; always 1.', labels, 1);
}

/** Every check is told in every state, also with 0: an alert can tell "none" from "not asked". */
function findingFigures(findings: readonly TrackedFinding[], checks: readonly Check[]): readonly Figure[] {
  const counts = new Tally<{ check: string; layer: string; severity: string; state: string }>();
  for (const { id: check, layer, severity } of checks) {
    for (const state of openStates) counts.add({ check, layer, severity, state }, 0);
  }
  for (const { check, layer, severity, state } of findings) counts.add({ check, layer, severity, state }, 1);
  return counts.figures('plumbline_findings', 'Findings that have not ended, effects included.');
}

function groupFigures(findings: readonly TrackedFinding[], checks: readonly Check[]): readonly Figure[] {
  const groups = new Map<string, TrackedFinding>();
  for (const finding of findings) {
    if (finding.state === 'firing' && finding.parent === null) {
      groups.set(`${finding.severity} ${finding.group}`, finding);
    }
  }
  const counts = new Tally<{ check: string; severity: string }>();
  for (const { id: check, severity } of checks) counts.add({ check, severity }, 0);
  for (const { check, severity } of groups.values()) counts.add({ check, severity }, 1);
  return counts.figures(
    'plumbline_finding_groups',
    'Causes that fire, those of one check and subject on whatever nodes counted once.',
  );
}

function nodeCounts(nodes: readonly NodeRecord[]): readonly Figure[] {
  const counts = new Tally<{ state: string }>();
  for (const state of nodeStates) counts.add({ state }, 0);
  for (const { state } of nodes) counts.add({ state }, 1);
  return counts.figures('plumbline_nodes', 'Nodes of the API server by state; the states add up to all of them.');
}

function nodeFigures(nodes: readonly NodeRecord[], nowMs: number): AuditFigures {
  const states = nodes.map(({ name, state }) =>
    gauge(
      'plumbline_node_state',
      'State of a node: 0 healthy, 1 unhealthy, 2 unknown.',
      { node: name },
      nodeStates.indexOf(state),
    ),
  );
  const ages = nodes.flatMap(({ name, lastReadingAt }) => {
    if (lastReadingAt === null) return [];
    const age = Math.max(0, nowMs - Date.parse(lastReadingAt)) / 1_000;
    return [
      gauge('plumbline_node_last_report_age_seconds', "Seconds since a node's newest reading.", { node: name }, age),
    ];
  });
  return { figures: [...states, ...ages], dropped: 0 };
}

/** Only Services that something fires for: most of a large cluster's never are in it. Most findings first. */
function serviceFigures(findings: readonly TrackedFinding[]): AuditFigures {
  const counts = new Tally<{ namespace: string; service: string }>();
  for (const { state, subject } of findings) {
    if (state !== 'firing' || subject.kind !== 'Service') continue;
    counts.add({ namespace: subject.namespace, service: subject.name }, 1);
  }
  const all = counts.figures(
    'plumbline_service_findings',
    'Findings that fire about a Service, for Services that have any.',
  );
  const figures = [...all].sort((one, other) => other.value - one.value).slice(0, mostServices);
  return { figures, dropped: all.length - figures.length };
}

/** Counts by labels. */
class Tally<Labels extends Readonly<Record<string, string>>> {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  add(labels: Labels, count: number): void {
    const key = Object.values(labels).join('\u0000');
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { labels, count });
    else known.count += count;
  }

  figures(name: string, help: string): readonly Figure[] {
    return [...this.#counts.values()].map(({ labels, count }) => gauge(name, help, labels, count));
  }
}
