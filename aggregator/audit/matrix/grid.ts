/** The matrix as a grid of letters: one row for each workload, one column for each target. */
import type { MatrixPair } from '../../model/matrix.ts';
import type { MatrixEnds, MatrixRow } from './matrix.ts';

const mostEnds = 500;

/** The ends that are drawn: the others are counted. */
export function drawnEnds({ sources, targets }: MatrixEnds): MatrixEnds & { readonly hidden: number } {
  const hidden = Math.max(0, sources.length - mostEnds) + Math.max(0, targets.length - mostEnds);
  return { sources: sources.slice(0, mostEnds), targets: targets.slice(0, mostEnds), hidden };
}

/** Nodes whose probes saw something else than is predicted, as rows of their own: they have no others. */
export function probingRows(observed: readonly MatrixPair[]): readonly Omit<MatrixRow, 'left'>[] {
  const differing = new Set(observed.flatMap((pair) => (pair.observed?.differs === true ? [pair.from] : [])));
  return [...Map.groupBy(observed, ({ from }) => from)]
    .filter(([from]) => differing.has(from))
    .map(([from, pairs]) => ({ from, pairs }))
    .sort((one, other) => (one.from < other.from ? -1 : 1))
    .slice(0, mostEnds);
}

/** One row's letters, in the order of the targets. */
export function gridRow({ pairs }: Pick<MatrixRow, 'pairs'>, { targets }: Pick<MatrixEnds, 'targets'>): string {
  const byTarget = Map.groupBy(pairs, ({ to }) => to);
  return targets.map(({ ref }) => letterOf(byTarget.get(ref) ?? [])).join('');
}

function letterOf(pairs: readonly MatrixPair[]): string {
  if (pairs.length === 0) return '-';
  if (pairs.some(({ observed }) => observed?.differs === true)) return '!';
  const answers = new Set(pairs.map(({ allowed }) => allowed));
  if (answers.size > 1) return answers.has(null) && !answers.has(false) ? '?' : '~';
  const [only] = answers;
  return only === null || only === undefined ? '?' : only ? '.' : 'x';
}
