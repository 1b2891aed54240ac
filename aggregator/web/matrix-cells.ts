/** How a grid of pairs is laid out: a square for each, as large as there is room for, and what its letter means. */

export interface GridLayout {
  /** Pixels from one square to the next, in both directions. */
  readonly step: number;
  /** Pixels left of the squares for the rows' names; 0 where rows are too low for them. */
  readonly names: number;
  readonly width: number;
  readonly height: number;
}

const leastStep = 2;
const mostStep = 26;
/** Lower rows have no name beside them: pointing at one tells it. */
const namedStep = 14;
const namesWidth = 200;

/** @param width pixels that there are. */
export function gridLayout(rows: number, columns: number, width: number): GridLayout {
  const fitting = (room: number) => Math.floor(room / Math.max(1, columns));
  const named = Math.min(mostStep, fitting(width - namesWidth));
  const isNamed = named >= namedStep;
  const step = Math.max(leastStep, isNamed ? named : Math.min(mostStep, fitting(width)));
  const names = isNamed ? namesWidth : 0;
  return { step, names, width: names + columns * step, height: rows * step };
}

export interface PairCell {
  readonly row: number;
  readonly column: number;
}

/** The square at a point; null beside them. A name is the first of its row. */
export function pairAt(
  { step, names }: GridLayout,
  size: { readonly rows: number; readonly columns: number },
  at: { readonly x: number; readonly y: number },
): PairCell | null {
  const row = Math.floor(at.y / step);
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
