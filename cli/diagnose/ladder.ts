/** A diagnosis as a person reads it: the verdict, a ladder of five rungs, the broken one opened, the path, what to do. */
import type { Diagnosis, DiagnosisHop, DiagnosisStep, StepVerdict } from '../../aggregator/model/diagnosis.ts';
import type { Evidence, Layer } from '../../aggregator/model/finding.ts';
import { paints, type Paints } from '../paints.ts';
import { wrap } from '../table.ts';
import { visible } from '../visible.ts';

export interface LadderStyle {
  readonly colours: boolean;
  readonly columns: number;
}

const names: Readonly<Record<Layer, string>> = {
  L1: 'pod network',
  L2: 'node to node',
  L3: 'Services',
  L4: 'DNS',
  L5: 'policies',
};

const signs: Readonly<Record<StepVerdict, string>> = {
  pass: '✓ pass',
  fail: '✗ FAIL',
  unknown: '? unknown',
  'not-looked-at': '· -',
};

const indent = '    ';
/** As many facts of a step are shown, and as many remedies. */
const shownEvidence = 8;
const shownRemedies = 5;

/** The whole text, ending in a newline; nothing in it can act on a terminal. */
export function ladderText(given: Diagnosis, { colours, columns }: LadderStyle): string {
  const diagnosis = visible(given);
  const paint = paints(colours);
  const { from, to, port, protocol } = diagnosis;
  const asked = port === null || to.text.endsWith(`:${port}`) ? protocol : `${protocol} ${port}`;
  const sections = [
    [
      paint.quiet(`${from.text} to ${to.text} (${asked})`),
      ...wrap(diagnosis.sentence, columns).map(verdictPaint(diagnosis, paint)),
    ],
    rungLines(diagnosis, columns, paint),
    openedLines(diagnosis, columns, paint),
    hopLines(diagnosis.hops, paint),
    remedyLines(diagnosis, columns, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function verdictPaint({ verdict }: Diagnosis, paint: Paints): (text: string) => string {
  if (verdict === 'works') return (text) => paint.strong(paint.good(text));
  return verdict === 'broken' ? paint.strong : (text) => paint.strong(paint.warning(text));
}

function rungLines({ layers }: Diagnosis, columns: number, paint: Paints): readonly string[] {
  return layers.flatMap(({ layer, verdict, sentence }) => {
    const head = `${layer}  ${signs[verdict].padEnd(10)} ${names[layer]}`;
    const lines = verdict === 'not-looked-at' ? [] : wrap(sentence, columns, indent);
    return [signPaint(verdict, paint)(head), ...lines];
  });
}

function signPaint(verdict: StepVerdict, paint: Paints): (text: string) => string {
  switch (verdict) {
    case 'pass':
      return paint.good;
    case 'fail':
      return (text) => paint.severity('critical', text);
    case 'unknown':
      return paint.warning;
    case 'not-looked-at':
      return paint.quiet;
  }
}

/** The steps of the first broken layer, or of the first that could not be told. */
function openedLines({ firstBroken, layers, steps }: Diagnosis, columns: number, paint: Paints): readonly string[] {
  const layer = firstBroken?.layer ?? layers.find(({ verdict }) => verdict === 'unknown')?.layer;
  if (layer === undefined) return [];
  const own = steps.filter((step) => step.layer === layer);
  return [paint.strong(`${layer}, step by step`), ...own.flatMap((step) => stepLines(step, columns, paint))];
}

function stepLines(step: DiagnosisStep, columns: number, paint: Paints): readonly string[] {
  const { verdict, direction, what, node, ageSeconds, sentence, evidence, finding } = step;
  const read = ageSeconds === null ? '' : `, read ${Math.round(ageSeconds)} s ago`;
  const by = node === null ? ' (by the API)' : ` (by ${node}${read})`;
  const head = `  ${signs[verdict]}  ${direction === 'back' ? 'back: ' : ''}${what}${by}`;
  const shown = evidence.slice(0, shownEvidence).flatMap((piece) => wrap(evidenceText(piece), columns, `${indent}  `));
  const more = evidence.length > shownEvidence ? [`${indent}  and ${evidence.length - shownEvidence} more facts`] : [];
  return [
    signPaint(verdict, paint)(head),
    ...wrap(sentence, columns, indent),
    ...[...shown, ...more].map(paint.quiet),
    ...(finding === null ? [] : [paint.quiet(`${indent}  finding ${finding.check} ${finding.fingerprint}`)]),
  ];
}

function evidenceText(piece: Evidence): string {
  switch (piece.kind) {
    case 'forwarding':
      return `${piece.frontend}: wanted ${piece.wanted}; real ${piece.real}`;
    case 'backend':
      return `${piece.frontend}: ${piece.backend} is ${piece.state}`;
    case 'rule':
      return `${piece.table}: ${piece.rule}`;
    case 'fact':
      return `${piece.name}: ${piece.value}`;
  }
}

function hopLines(hops: readonly DiagnosisHop[], paint: Paints): readonly string[] {
  if (hops.length === 0) return [];
  const lines = hops.flatMap(({ direction, node, link, does, rule }) => {
    const place = [node, link].filter((part) => part !== null).join(' ');
    const arrow = direction === 'there' ? '->' : '<-';
    const told = `  ${arrow} ${place === '' ? '' : `${place}: `}${does}`;
    return rule === null ? [told] : [told, paint.quiet(`       ${rule}`)];
  });
  return [paint.strong('PATH'), ...lines];
}

function remedyLines({ remediation }: Diagnosis, columns: number, paint: Paints): readonly string[] {
  if (remediation.length === 0) return [];
  const lines = remediation
    .slice(0, shownRemedies)
    .flatMap(({ command, effect }) => [
      ...command.split('\n').map((line) => paint.command(`  ${line}`)),
      ...wrap(effect, columns, indent),
    ]);
  return [paint.strong('WHAT TO DO'), ...lines];
}
