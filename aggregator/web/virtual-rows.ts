/** Of a long table only the rows near the window are in the document. */

export interface Strip {
  /** The first row that is drawn, and the one behind the last. */
  readonly first: number;
  readonly end: number;
}

/** Rows beyond the edges of the window, so that slow drawing shows no gap. */
const spare = 12;

/**
 * @param top where the first row begins, in pixels below the window's upper edge; negative once it is scrolled past.
 */
export function stripOf(rows: number, rowHeight: number, top: number, windowHeight: number): Strip {
  const first = Math.floor(-top / rowHeight) - spare;
  const end = Math.ceil((windowHeight - top) / rowHeight) + spare;
  return { first: clamp(first, rows), end: clamp(end, rows) };
}

function clamp(row: number, rows: number): number {
  return Math.max(0, Math.min(rows, row));
}

/**
 * The order in which keys are shown while it is frozen: those that were there stay where they are, also when they are
 * gone by now, and new ones come behind them.
 */
export function frozenOrder(shown: readonly string[], wanted: readonly string[]): readonly string[] {
  const known = new Set(shown);
  return [...shown, ...wanted.filter((key) => !known.has(key))];
}
