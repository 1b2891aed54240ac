/** The order of open findings: severity (most urgent first), check, node, subject, as the audit has them. */
import { subjectParts } from '../audit/fingerprint.ts';
import { severities } from '../model/finding.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';

/** A subject counts with so much of its text; what is equal as far goes by its fingerprint. It bounds cursors. */
const subjectLength = 300;

export interface PlacedFinding {
  readonly finding: TrackedFinding;
  readonly position: string;
}

/** The findings with their positions, in order. A position stays with its finding whatever comes and goes around it. */
export function inOrder(findings: readonly TrackedFinding[]): readonly PlacedFinding[] {
  const placed = findings.map((finding) => ({ finding, position: positionOf(finding) }));
  return placed.sort((one, other) => (one.position < other.position ? -1 : one.position > other.position ? 1 : 0));
}

function positionOf({ severity, check, node, subject, fingerprint }: TrackedFinding): string {
  const thing = subjectParts(subject).join('\u0000').slice(0, subjectLength);
  return [severities.indexOf(severity), check, node ?? '', thing, fingerprint].join('\u0000');
}
