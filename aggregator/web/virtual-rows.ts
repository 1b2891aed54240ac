/** Of a long table only the rows near the window are in the document. */

export interface Strip {
  /** The first row that is drawn, and the one behind the last. */
  readonly first: number;
  readonly end: number;
}

/** Rows beyond the edges of the window, so that slow drawing shows no gap. */
const spare = 12;

export interface WindowPlace {
  /** Where the first row begins, in pixels below the window's upper edge; negative once it is scrolled past. */
  readonly top: number;
  readonly windowHeight: number;
}

export function stripOf(rows: number, rowHeight: number, { top, windowHeight }: WindowPlace): Strip {
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

export function isSameOrder(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((key, at) => key === other[at]));
}
