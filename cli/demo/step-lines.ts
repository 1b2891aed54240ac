/** Steps of findings as lines: each cause by itself, what follows from it as a number. */
import type { FindingJson, TransitionJson } from '../../aggregator/http/schemas/finding.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import type { Paints } from '../paints.ts';
import { count } from '../table.ts';
import { visible } from '../visible.ts';
import type { FindingStep } from './followed-aggregator.ts';

type StepKind = TransitionJson['kind'];

/**
 * The steps that were heard together. Causes come first, in the order in which they came.
 * @param known findings that were told before, by fingerprint: a cause may be older than what follows from it.
 */
export function stepLines(
  steps: readonly FindingStep[],
  known: ReadonlyMap<string, FindingJson>,
  paint: Paints,
): readonly string[] {
  const told = visible(steps);
  const isOwn = (kind: StepKind) => (step: FindingStep) => step.transition.kind === kind;
  return [...new Set(told.map(({ transition }) => transition.kind))].flatMap((kind) =>
    linesOfKind(kind, told.filter(isOwn(kind)), known, paint),
  );
}

function linesOfKind(
  kind: StepKind,
  steps: readonly FindingStep[],
  known: ReadonlyMap<string, FindingJson>,
  paint: Paints,
): readonly string[] {
  const below = Map.groupBy(
    steps.filter(({ finding }) => finding.parent !== null),
    ({ finding }) => finding.parent ?? '',
  );
  const lines: string[] = [];
  for (const { finding } of steps.filter(({ finding: { parent } }) => parent === null)) {
    lines.push(paintOf(kind, finding, paint)(`${kind.padEnd(10)}${nameOf(finding)}`));
    const effects = below.get(finding.fingerprint) ?? [];
    if (effects.length > 0) lines.push(`${' '.repeat(10)}and ${count(effects.length, 'finding')} below it`);
    below.delete(finding.fingerprint);
  }
  for (const [parent, effects] of below) {
    const cause = known.get(parent);
    const where = cause === undefined ? 'a cause' : nameOf(visible(cause));
    lines.push(`${kind.padEnd(10)}${count(effects.length, 'finding')} below ${where}`);
  }
  return lines;
}

function nameOf({ severity, check, node, subject }: FindingJson): string {
  const about = subject.kind === 'Node' ? [] : [subjectText(subject)];
  return [severity, check, node ?? '(cluster)', ...about].join('   ');
}

function paintOf(kind: StepKind, { severity }: FindingJson, paint: Paints): (text: string) => string {
  switch (kind) {
    case 'firing':
      return (text) => paint.severity(severity, text);
    case 'resolved':
      return paint.good;
    case 'unknown':
      return paint.warning;
    case 'pending':
    case 'known':
      return paint.strong;
    case 'gone':
    case 'suppressed':
    case 'unsuppressed':
    case 'withdrawn':
      return paint.quiet;
  }
}
