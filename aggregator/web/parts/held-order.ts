/** The order in which rows are shown: the wanted one, or while a pointer rests on them the one from before. */
import { useRef, useState } from 'preact/hooks';
import { frozenOrder, isSameOrder } from '../virtual-rows.ts';

export interface Ordered<Row> {
  readonly order: readonly string[];
  readonly rows: ReadonlyMap<string, Row>;
  /** What the reader asked for: an order of something else is not held. */
  readonly asked: string;
}

export interface HeldOrder<Row> {
  readonly order: readonly string[];
  readonly rows: ReadonlyMap<string, Row>;
  /** Whether it would be another order by now. */
  readonly isHeld: boolean;
  readonly hold: (event: PointerEvent) => void;
  readonly release: () => void;
}

export function useHeldOrder<Row>({ order, rows, asked }: Ordered<Row>): HeldOrder<Row> {
  const held = useRef<{ order: readonly string[]; rows: Map<string, Row>; asked: string } | null>(null);
  const [, setTurn] = useState(0);
  if (held.current !== null && held.current.asked !== asked) held.current = { order, rows: new Map(rows), asked };
  if (held.current !== null) {
    held.current.order = frozenOrder(held.current.order, order);
    for (const [key, row] of rows) held.current.rows.set(key, row);
  }
  const hold = (event: PointerEvent) => {
    // A finger that scrolls is no pointer that rests.
    if (event.pointerType === 'mouse') held.current = { order, rows: new Map(rows), asked };
  };
  const release = () => {
    held.current = null;
    setTurn((turn) => turn + 1);
  };
  const shown = held.current ?? { order, rows };
  return { order: shown.order, rows: shown.rows, isHeld: !isSameOrder(shown.order, order), hold, release };
}
