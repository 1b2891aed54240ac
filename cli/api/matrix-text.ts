/** The matrix for people: a line for each pair, those that differ or are denied first, with what decides. */
import type { Matrix, MatrixPair } from '../../aggregator/model/matrix.ts';
import { paints } from '../paints.ts';
import { tableLines } from '../table.ts';
import type { Terminal } from '../terminal.ts';

export function matrixText(
  { pairs, notJudged, unknownBecause, total }: Pick<Matrix, 'pairs' | 'notJudged' | 'unknownBecause' | 'total'>,
  terminal: Terminal,
): string {
  const paint = paints(terminal.colours);
  const lines = [paint.strong(sentence(pairs))];
  if (unknownBecause.length > 0) lines.push(`Not known: ${unknownBecause.join('; ')}.`);
  if (notJudged.length > 0) {
    lines.push(
      `Not judged, and may decide otherwise: ${notJudged.slice(0, 10).join(', ')}${notJudged.length > 10 ? ', ...' : ''}.`,
    );
  }
  if (total > pairs.length) lines.push(`${total - pairs.length} more pairs are not shown: name a namespace with -n.`);
  if (pairs.length === 0) return `${lines.join('\n')}\n`;
  const rows = pairs.map((pair) => [
    pair.from,
    pair.to,
    `${pair.ports.join(',')}/${pair.protocol}`,
    allowedWord(pair),
    observedWord(pair),
    pair.decidedBy.join('; '),
  ]);
  const head = ['FROM', 'TO', 'PORTS', 'ALLOWED', 'OBSERVED', 'DECIDED BY'];
  return `${[...lines, '', ...tableLines(head, rows)].join('\n')}\n`;
}

function sentence(pairs: readonly MatrixPair[]): string {
  const differing = pairs.filter(({ observed }) => observed?.differs === true).length;
  const denied = pairs.filter(({ allowed }) => allowed === false).length;
  const unknown = pairs.filter(({ allowed }) => allowed === null).length;
  const of = `${pairs.length} ${pairs.length === 1 ? 'pair' : 'pairs'}`;
  if (pairs.length === 0) return 'No pair to show.';
  const parts = [
    ...(differing > 0 ? [`${differing} where probes saw something else`] : []),
    `${denied} not allowed`,
    ...(unknown > 0 ? [`${unknown} not known, or not the same for all pods`] : []),
  ];
  return `${of}: ${parts.join(', ')}.`;
}

function allowedWord({ allowed }: MatrixPair): string {
  return allowed === null ? 'unknown' : allowed ? 'yes' : 'no';
}

function observedWord({ observed }: MatrixPair): string {
  if (observed === null) return '-';
  const count = `${observed.answered}/${observed.probes}`;
  const layer = observed.explainedBy === null ? '' : ` ${observed.explainedBy.layer}`;
  return observed.differs ? `DIFFERS ${count}${layer}` : `${observed.result} ${count}`;
}
