/** How a grid of pairs is laid out: a square for each, as large as there is room for, and what its letter means. */

export interface GridLayout {
  /** Pixels from one square to the next, in both directions. */
  readonly step: number;
  /** Pixels left of the squares for the rows' names; 0 where rows are too low for them. */
  readonly names: number;
  /** Pixels above the squares for the columns' names, which lean to the right by as much; 0 like `names`. */
  readonly head: number;
  readonly width: number;
  readonly height: number;
}

const leastStep = 2;
const mostStep = 26;
/** Lower rows have no name beside them: pointing at one tells it. */
const namedStep = 14;
const mostNames = 200;
const mostHead = 120;

/** @param width pixels that there are. */
export function gridLayout(rows: number, columns: number, width: number): GridLayout {
  const fitting = (room: number) => Math.floor(room / Math.max(1, columns));
  // A narrow screen has less for names, and still most of it.
  const [names, head] = [Math.min(mostNames, Math.floor(width * 0.4)), Math.min(mostHead, Math.floor(width * 0.3))];
  const named = Math.min(mostStep, fitting(width - names - head));
  if (named >= namedStep) {
    return { step: named, names, head, width: names + columns * named + head, height: head + rows * named };
  }
  const step = Math.max(leastStep, Math.min(mostStep, fitting(width)));
  return { step, names: 0, head: 0, width: columns * step, height: rows * step };
}

export interface PairCell {
  readonly row: number;
  readonly column: number;
}

/** The square at a point; null beside them. A row's name is the first of its row, a column's name is none. */
export function pairAt(
  { step, names, head }: GridLayout,
  size: { readonly rows: number; readonly columns: number },
  at: { readonly x: number; readonly y: number },
): PairCell | null {
  const row = Math.floor((at.y - head) / step);
  const column = Math.max(0, Math.floor((at.x - names) / step));
  return row >= 0 && row < size.rows && column < size.columns ? { row, column } : null;
}

/** Where an arrow key leads; null for other keys. */
export function pairBeside(
  { row, column }: PairCell,
  key: string,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): PairCell | null {
  switch (key) {
    case 'ArrowRight':
      return { row, column: Math.min(columns - 1, column + 1) };
    case 'ArrowLeft':
      return { row, column: Math.max(0, column - 1) };
    case 'ArrowDown':
      return { row: Math.min(rows - 1, row + 1), column };
    case 'ArrowUp':
      return { row: Math.max(0, row - 1), column };
    default:
      return null;
  }
}

const words: Readonly<Record<string, string>> = {
  '!': 'a probe differs from what is predicted',
  x: 'not allowed',
  '~': 'not the same for all ports or pods',
  '?': 'not known',
  '.': 'allowed',
  '-': 'nothing to reach there',
};

/** What a cell's letter means. */
export function pairWords(cell: string): string {
  return words[cell] ?? 'not known';
}
