/**
 * A table of any length: a real table for those who hear it, of whose rows only those near the window are drawn. While
 * the pointer rests in it no row moves; what a row says changes in place.
 */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { go } from '../route.ts';
import { useChosenRow } from './chosen-row.ts';
import { useHeldOrder } from './held-order.ts';
import { type Strip, stripOf } from '../virtual-rows.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Only where there is much room. */
  readonly room?: 'wide';
  /**
   * How much of the width it wants: a class of the style sheet. Of rows that are cards, a sentence stands first and a
   * text last, each in lines of its own.
   */
  readonly width?: 'letter' | 'short' | 'name' | 'sentence' | 'text';
}

export interface TableOptions<Row> {
  /** What it is a table of, for those who hear it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  /** Those of the order, and others that were in it a moment ago. */
  readonly rows: ReadonlyMap<string, Row>;
  /** Keys in the order that is wanted. */
  readonly order: readonly string[];
  /** Where a row leads. */
  readonly hrefOf: (row: Row) => string;
  /** What the key `c` copies of a row; null where there is nothing. */
  readonly remedyOf?: (row: Row) => string | null;
  /** What the reader asked for: when this changes, rows may move under the pointer. */
  readonly asked: string;
}

/** As the style sheet has them: `--row` of wide and of narrow windows. */
const rowHeights = { wide: 56, narrow: 108 };
const narrowWindow = '(max-width: 640px)';

export function Table<Row>(options: TableOptions<Row>) {
  const { caption, columns, hrefOf, remedyOf } = options;
  const { order, rows, isHeld, hold, release } = useHeldOrder(options);
  const body = useRef<HTMLTableSectionElement>(null);
  const rowHeight = useRowHeight();
  const strip = useStrip(body, order.length, rowHeight);
  const rowAt = (key: string) => rows.get(key);
  const chosen = useChosenRow({
    ...{ body, order, rowHeight },
    open: (key) => {
      const row = rowAt(key);
      if (row !== undefined) go(hrefOf(row));
    },
    remedyOf: (key) => {
      const row = rowAt(key);
      return row === undefined || remedyOf === undefined ? null : remedyOf(row);
    },
  });
  return (
    <>
      <table class="list" aria-rowcount={order.length + 1} onPointerEnter={hold} onPointerLeave={release}>
        <caption class="heard">{caption}</caption>
        <Heads columns={columns} />
        <tbody ref={body}>
          <Gap height={strip.first * rowHeight} columns={columns.length} />
          {order.slice(strip.first, strip.end).map((key, at) => {
            const row = rowAt(key);
            const line = { index: strip.first + at, isChosen: key === chosen, columns };
            return row === undefined ? null : <Row key={key} row={row} {...line} />;
          })}
          <Gap height={(order.length - strip.end) * rowHeight} columns={columns.length} />
        </tbody>
      </table>
      {isHeld && (
        <p class="told" role="status">
          Rows have changed. They are put in order when the pointer leaves the list.
        </p>
      )}
    </>
  );
}

function Heads<Row>({ columns }: { readonly columns: readonly Column<Row>[] }) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map(({ title, room, width }) => (
          <th key={title} scope="col" class={classOf(room, width)}>
            {title}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface RowOptions<Of> {
  readonly row: Of;
  readonly index: number;
  readonly isChosen: boolean;
  readonly columns: readonly Column<Of>[];
}

function Row<Of>({ row, index, isChosen, columns }: RowOptions<Of>) {
  return (
    <tr aria-rowindex={index + 2} class={isChosen ? 'chosen' : undefined} aria-current={isChosen ? 'true' : undefined}>
      {columns.map(({ title, cell, room, width }) => (
        <td key={title} class={classOf(room, width)}>
          {cell(row)}
        </td>
      ))}
    </tr>
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

function useRowHeight(): number {
  const media = useRef(window.matchMedia(narrowWindow));
  const heightNow = () => (media.current.matches ? rowHeights.narrow : rowHeights.wide);
  const [height, setHeight] = useState(heightNow);
  useLayoutEffect(() => {
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
      const next = stripOf(rows, rowHeight, { top, windowHeight: window.innerHeight });
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
  // Rows that went leave a strip that is too long until the next look.
  return { first: Math.min(strip.first, rows), end: Math.min(strip.end, rows) };
}
