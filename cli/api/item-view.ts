/** How one kind of things is printed: as rows, names, or documents. */
import type { Paints } from '../paints.ts';
import { type OutputFormat, structuredText } from '../output.ts';
import { alignedLine, columnWidths, tableLines } from '../table.ts';
import { visible } from '../visible.ts';

export interface Column<T> {
  readonly head: string;
  /** @param now Unix milliseconds, by the aggregator's clock. */
  readonly cell: (item: T, now: number) => string;
  /** It changes by itself, so it does not make a row a changed one. */
  readonly isAge?: true;
  /** Only shown with -o wide. */
  readonly isWide?: true;
}

export interface ItemView<T> {
  /** `finding`, as in `finding/0123456789abcdef`. */
  readonly kind: string;
  nameOf(item: T): string;
  readonly columns: readonly Column<T>[];
  paint(item: T, line: string, paint: Paints): string;
}

/** A whole list in one of the forms; ends in a newline, or is empty. */
export function listText<T>(
  items: readonly T[],
  view: ItemView<T>,
  { output, now, paint }: { readonly output: OutputFormat; readonly now: number; readonly paint: Paints },
): string {
  switch (output) {
    case 'json':
    case 'yaml':
      return structuredText({ apiVersion: 'plumbline.dev/v1', kind: listKind(view), items }, output);
    case 'name':
      return items.map((item) => nameLine(item, view)).join('');
    case 'table':
    case 'wide': {
      if (items.length === 0) return '';
      const shown = items.map(visible);
      const columns = shownColumns(view, output);
      const [head = '', ...lines] = tableLines(
        columns.map((column) => column.head),
        shown.map((item) => columns.map(({ cell }) => cell(item, now))),
      );
      const rows = shown.map((item, row) => view.paint(item, lines[row] ?? '', paint));
      return `${[paint.quiet(head), ...rows].join('\n')}\n`;
    }
  }
}

/** Prints things as they change, each once for every state that it is seen in. */
export class ChangePrinter<T> {
  readonly #view: ItemView<T>;
  readonly #output: OutputFormat;
  readonly #paint: Paints;
  readonly #known = new Map<string, string>();
  #widths: readonly number[] | null = null;

  constructor(view: ItemView<T>, output: OutputFormat, paint: Paints) {
    this.#view = view;
    this.#output = output;
    this.#paint = paint;
  }

  /** Whether this thing was printed before, and not forgotten. */
  knows(name: string): boolean {
    return this.#known.has(name);
  }

  /** The names of all that was printed. */
  get names(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** It is gone: should it come again, it is new. */
  forget(name: string): void {
    this.#known.delete(name);
  }

  /** What is to be printed of these things now; empty when none of them looks different. */
  changed(items: readonly T[], now: number): string {
    const columns = shownColumns(this.#view, this.#output);
    const different = items.filter((item) => {
      const looks = this.#looksOf(item, columns, now);
      const name = this.#view.nameOf(item);
      if (this.#known.get(name) === looks) return false;
      this.#known.set(name, looks);
      return true;
    });
    return different.length === 0 ? '' : this.#text(different, columns, now);
  }

  #looksOf(item: T, columns: readonly Column<T>[], now: number): string {
    return JSON.stringify(columns.filter(({ isAge }) => isAge !== true).map(({ cell }) => cell(item, now)));
  }

  #text(items: readonly T[], columns: readonly Column<T>[], now: number): string {
    switch (this.#output) {
      case 'json':
        return items.map((item) => structuredText(item, 'json')).join('');
      case 'yaml':
        return items.map((item) => `---\n${structuredText(item, 'yaml')}`).join('');
      case 'name':
        return items.map((item) => nameLine(item, this.#view)).join('');
      case 'table':
      case 'wide':
        return this.#rows(items.map(visible), columns, now);
    }
  }

  #rows(items: readonly T[], columns: readonly Column<T>[], now: number): string {
    const head = columns.map((column) => column.head);
    const rows = items.map((item) => columns.map(({ cell }) => cell(item, now)));
    const isFirst = this.#widths === null;
    const widths = columnWidths([...(this.#widths === null ? [head] : []), ...rows], this.#widths ?? []);
    this.#widths = widths;
    const lines = items.map((item, row) => this.#view.paint(item, alignedLine(rows[row] ?? [], widths), this.#paint));
    return `${[...(isFirst ? [this.#paint.quiet(alignedLine(head, widths))] : []), ...lines].join('\n')}\n`;
  }
}

function shownColumns<T>({ columns }: ItemView<T>, output: OutputFormat): readonly Column<T>[] {
  return columns.filter(({ isWide }) => isWide !== true || output === 'wide');
}

function nameLine<T>(item: T, { kind, nameOf }: ItemView<T>): string {
  return `${kind}/${visible(nameOf(item))}\n`;
}

function listKind<T>({ kind }: ItemView<T>): string {
  return `${kind.charAt(0).toUpperCase()}${kind.slice(1)}List`;
}
