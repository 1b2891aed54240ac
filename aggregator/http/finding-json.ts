/** Findings in the form that leaves the program. */
import { document } from './schemas/list.ts';
import type { TrackedFinding, Transition } from '../model/lifecycle.ts';
import type { FindingJson, TransitionJson } from './schemas/finding.ts';

/** On how many nodes each group has an open finding. */
export type GroupSizes = ReadonlyMap<string, number>;

/** The sizes of the groups among open findings. A finding of the whole cluster is on no node. */
export function groupSizes(open: readonly TrackedFinding[]): GroupSizes {
  const nodes = new Map<string, Set<string>>();
  for (const { group, node } of open) {
    if (node === null) continue;
    const known = nodes.get(group);
    if (known === undefined) nodes.set(group, new Set([node]));
    else known.add(node);
  }
  return new Map([...nodes].map(([group, names]) => [group, names.size]));
}

/** Field by field, so that nothing leaves that no schema names. */
export function findingJson(finding: TrackedFinding, sizes: GroupSizes): FindingJson {
  return {
    fingerprint: finding.fingerprint,
    check: finding.check,
    layer: finding.layer,
    severity: finding.severity,
    state: finding.state,
    node: finding.node,
    subject: finding.subject,
    parent: finding.parent,
    summary: finding.summary,
    evidence: [...finding.evidence],
    remediation: [...finding.remediation],
    episode: finding.episode,
    since: finding.since,
    shows: finding.shows,
    pendingAt: finding.pendingAt,
    firedAt: finding.firedAt,
    endedAt: finding.endedAt,
    lastSeenAt: finding.lastSeenAt,
    knownState: finding.knownState,
    unknownBecause: finding.unknownBecause,
    acceptedUntil: finding.acceptedUntil,
    group: finding.group,
    groupNodes: sizes.get(finding.group) ?? 0,
  };
}

/** A finding as a document of its own. */
export function findingDocument(finding: TrackedFinding, sizes: GroupSizes) {
  return document('Finding', findingJson(finding, sizes));
}

/** One step of a finding's life, field by field. */
export function transitionJson({ fingerprint, episode, at, kind, because }: Transition): TransitionJson {
  return { fingerprint, episode, at, kind, because };
}
