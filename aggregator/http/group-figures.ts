/** One series for each group of findings: what alerts are made of, one for the same check and subject on all nodes. */
import { severities } from '../model/finding.ts';
import type { Severity } from '../model/finding.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import type { Figure } from '../model/record.ts';
import { labelValue } from './metric-text.ts';

/** Beyond it only the worst are told; each may be an alert, and nobody reads so many. */
const mostGroups = 1_000;

/** What the findings of one group have in common, as labels have it. */
interface Group {
  readonly check: string;
  readonly layer: string;
  readonly subjectKind: string;
  readonly namespace: string;
  readonly name: string;
  /** The most urgent of them. */
  severity: Severity;
  readonly nodes: Set<string>;
}

/**
 * Causes that fired and have not ended, those of one check and subject on all nodes as one series. What cannot be seen
 * at the moment is still told: an alert must not end because an agent or the aggregator is restarted.
 */
export function groupNodeFigures(findings: readonly TrackedFinding[]): {
  readonly figures: readonly Figure[];
  /** Groups that are not told, because there are too many. */
  readonly dropped: number;
} {
  const groups = [...groupsOf(findings)].sort(byUrgency);
  const told = groups.slice(0, mostGroups);
  return { figures: told.map(figureOf), dropped: groups.length - told.length };
}

function groupsOf(findings: readonly TrackedFinding[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const finding of findings) {
    if (!fires(finding)) continue;
    const { check, layer, severity, subject, node } = finding;
    const namespace = 'namespace' in subject ? labelValue(subject.namespace) : '';
    const name = labelValue(subject.name);
    const key = [check, subject.kind, namespace, name].join('\u0000');
    const group = groups.get(key) ?? {
      ...{ check, layer, severity, namespace, name },
      subjectKind: subject.kind,
      nodes: new Set<string>(),
    };
    groups.set(key, group);
    if (rank(severity) < rank(group.severity)) group.severity = severity;
    if (node !== null) group.nodes.add(node);
  }
  return groups.values();
}

function fires({ state, knownState, parent }: TrackedFinding): boolean {
  return parent === null && (state === 'firing' || (state === 'unknown' && knownState === 'firing'));
}

/** A finding of the whole cluster is on no node, and counts as one: nothing that fires has the value 0. */
function figureOf({ check, layer, severity, subjectKind, namespace, name, nodes }: Group): Figure {
  const [node = ''] = nodes.size === 1 ? nodes : [];
  return {
    name: 'plumbline_finding_group_nodes',
    help: 'On how many nodes a check fires about a subject, causes only; the node where it is one. For alerts.',
    kind: 'gauge',
    labels: { check, layer, severity, subject_kind: subjectKind, namespace, name, node },
    value: Math.max(1, nodes.size),
  };
}

/** The most urgent first, then those on most nodes, then by name: the same are told at every scrape. */
function byUrgency(one: Group, other: Group): number {
  return (
    rank(one.severity) - rank(other.severity) ||
    other.nodes.size - one.nodes.size ||
    compareText(keyOf(one), keyOf(other))
  );
}

function keyOf({ check, namespace, name }: Group): string {
  return [check, namespace, name].join('\u0000');
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function rank(severity: Severity): number {
  return severities.indexOf(severity);
}
