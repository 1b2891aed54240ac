/**
 * A table of any length: a real table for those who hear it, of whose rows only those near the window are drawn. While
 * the pointer rests in it no row moves; what a row says changes in place.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { onListKey } from '../keys.ts';
import { go } from '../route.ts';
import { frozenOrder, type Strip, stripOf } from '../virtual-rows.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** `narrow`: also where there is little room; `wide`: only where there is much. */
  readonly room?: 'wide';
  /** How much of the width it wants: a class of the style sheet. */
  readonly width?: 'letter' | 'short' | 'name' | 'text';
}

export interface TableOptions<Row> {
  /** What it is a table of, for those who hear it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: ReadonlyMap<string, Row>;
  /** Keys in the order that is wanted. */
  readonly order: readonly string[];
  /** Where a row leads. */
  readonly hrefOf: (row: Row) => string;
}

/** As the style sheet has them: `--row` of wide and of narrow windows. */
const rowHeights = { wide: 44, narrow: 92 };
const narrowWindow = '(max-width: 640px)';

export function Table<Row>(options: TableOptions<Row>) {
  const { caption, columns, hrefOf } = options;
  const { order, rows, hold, release } = useHeldOrder(options);
  const body = useRef<HTMLTableSectionElement>(null);
  const rowHeight = useRowHeight();
  const strip = useStrip(body, order.length, rowHeight);
  const [chosen, setChosen] = useState(-1);
  useListKeys({ count: order.length, chosen, setChosen, open: (at) => open(at) });
  useEffect(() => showRow(body.current, chosen, rowHeight), [chosen]);

  function open(at: number): void {
    const row = rows.get(order[at] ?? '');
    if (row !== undefined) go(hrefOf(row));
  }
  return (
    <table aria-rowcount={order.length + 1} onPointerEnter={hold} onPointerLeave={release}>
      <caption class="heard">{caption}</caption>
      <thead>
        <tr aria-rowindex={1}>
          {columns.map(({ title, room, width }) => (
            <th key={title} scope="col" class={classOf(room, width)}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        <Gap height={strip.first * rowHeight} columns={columns.length} />
        {order.slice(strip.first, strip.end).map((key, at) => {
          const index = strip.first + at;
          const row = rows.get(key);
          return row === undefined ? null : (
            <tr key={key} aria-rowindex={index + 2} class={index === chosen ? 'chosen' : undefined}>
              {columns.map(({ title, cell, room, width }) => (
                <td key={title} class={classOf(room, width)} data-title={title}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          );
        })}
        <Gap height={(order.length - strip.end) * rowHeight} columns={columns.length} />
      </tbody>
    </table>
  );
}

function classOf(room: 'wide' | undefined, width: string | undefined): string {
  return [room ?? '', width ?? ''].join(' ').trim();
}

/** Stands for the rows that are not drawn. */
function Gap({ height, columns }: { readonly height: number; readonly columns: number }) {
  if (height <= 0) return null;
  return (
    <tr class="gap" style={{ height: `${height}px` }}>
      <td colSpan={columns} />
    </tr>
  );
}

/** The order and rows that are shown: the wanted ones, or while it is held those from before with new values. */
function useHeldOrder<Row>({ order, rows }: TableOptions<Row>) {
  const held = useRef<{ order: readonly string[]; rows: Map<string, Row> } | null>(null);
  const [, setHolds] = useState(false);
  if (held.current !== null) {
    held.current.order = frozenOrder(held.current.order, order);
    for (const [key, row] of rows) held.current.rows.set(key, row);
  }
  const hold = (event: PointerEvent) => {
    // A finger that scrolls is no pointer that rests.
    if (event.pointerType !== 'mouse') return;
    held.current = { order, rows: new Map(rows) };
    setHolds(true);
  };
  const release = () => {
    held.current = null;
    setHolds(false);
  };
  return { order: held.current?.order ?? order, rows: held.current?.rows ?? rows, hold, release };
}

function useRowHeight(): number {
  const media = useRef(window.matchMedia(narrowWindow));
  const heightNow = () => (media.current.matches ? rowHeights.narrow : rowHeights.wide);
  const [height, setHeight] = useState(heightNow);
  useEffect(() => {
    const change = () => setHeight(heightNow());
    media.current.addEventListener('change', change);
    return () => media.current.removeEventListener('change', change);
  }, []);
  return height;
}

function useStrip(body: { readonly current: HTMLElement | null }, rows: number, rowHeight: number): Strip {
  const [strip, setStrip] = useState<Strip>({ first: 0, end: Math.min(rows, 40) });
  useLayoutEffect(() => {
    const look = () => {
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const next = stripOf(rows, rowHeight, top, window.innerHeight);
      setStrip((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    look();
    window.addEventListener('scroll', look, { passive: true });
    window.addEventListener('resize', look);
    return () => {
      window.removeEventListener('scroll', look);
      window.removeEventListener('resize', look);
    };
  }, [rows, rowHeight]);
  return strip;
}

interface Chosen {
  readonly count: number;
  readonly chosen: number;
  readonly setChosen: (at: number) => void;
  readonly open: (at: number) => void;
}

/** `j`, `k` and Enter. */
function useListKeys(list: Chosen): void {
  const latest = useRef(list);
  latest.current = list;
  useEffect(
    () =>
      onListKey((key) => {
        const { count, chosen, setChosen, open } = latest.current;
        if (key === 'open') open(chosen);
        else setChosen(Math.max(0, Math.min(count - 1, chosen + (key === 'down' ? 1 : -1))));
      }),
    [],
  );
}

function showRow(body: HTMLElement | null, at: number, rowHeight: number): void {
  if (body === null || at < 0) return;
  const top = body.getBoundingClientRect().top + at * rowHeight;
  const margin = rowHeight * 2;
  if (top < margin) window.scrollBy(0, top - margin);
  else if (top + margin > window.innerHeight) window.scrollBy(0, top + margin - window.innerHeight);
}
