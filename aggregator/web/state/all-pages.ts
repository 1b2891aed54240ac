/** A whole list of the API, page by page: rows are shown as they come, and changed in place as events tell. */
import { type Signal, signal } from '@preact/signals';
import { type Answer, get } from '../api.ts';
import { remember, remembered } from './memory.ts';

export interface Loaded<Row> {
  /** By key. A new map with each change. */
  readonly rows: ReadonlyMap<string, Row>;
  readonly isWhole: boolean;
  /** How many there are on all pages; null where the API does not say. */
  readonly total: number | null;
  /** Why it could not be read; the rows before that stay. */
  readonly failure: string | null;
}

export const nothingLoaded = { rows: new Map(), isWhole: false, total: null, failure: null };

interface Page<Item> {
  readonly items: readonly Item[];
  readonly total: number | null;
  readonly next: string | null;
}

export interface PagesOptions<Item, Row> {
  /** With its query, if any. */
  readonly path: string;
  readonly keyOf: (item: Item) => string;
  /** Of long lists only what is shown is kept. */
  readonly rowOf: (item: Item) => Row;
}

/** What fits into a window comes first and soon, also where the line is slow; then as much as the API gives. */
const pageSizes = { first: 50, further: 500 };
/** Events come in bursts, and every change is a new map. */
const gatherMs = 200;
/** Of what has no end, such as all findings that ever were, this much is read. */
const mostRows = 20_000;

/** One list for as long as its view is shown. */
export class AllPages<Item, Row> {
  readonly loaded: Signal<Loaded<Row>>;
  readonly #options: PagesOptions<Item, Row>;
  #reading: AbortController | null = null;
  /** What events told while pages were on their way: it is newer than the pages. */
  readonly #toldMeanwhile = new Map<string, Row | null>();
  /** What events told and is not shown yet. */
  readonly #told = new Map<string, Row | null>();
  #timer: number | undefined;

  constructor(options: PagesOptions<Item, Row>) {
    this.#options = options;
    this.loaded = signal(remembered<Loaded<Row>>(options.path) ?? nothingLoaded);
    void this.read();
  }

  /** Reads it from the beginning; what is shown stays until the new rows are there. */
  async read(): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#toldMeanwhile.clear();
    const { path, keyOf, rowOf } = this.#options;
    const isFirst = !this.loaded.value.isWhole;
    const rows = new Map<string, Row>();
    let cursor: string | null = null;
    let total: number | null = null;
    do {
      const answer: Answer<Page<Item>> = await get<Page<Item>>(withPage(path, cursor), reading.signal);
      if (reading.signal.aborted) return;
      if (!answer.ok) {
        this.loaded.value = { ...this.loaded.value, failure: answer.detail };
        return;
      }
      for (const item of answer.value.items) rows.set(keyOf(item), rowOf(item));
      cursor = rows.size < mostRows ? answer.value.next : null;
      total = answer.value.total;
      if (isFirst && cursor !== null) this.#show(this.#newest(rows), false, total);
    } while (cursor !== null);
    this.#show(this.#newest(rows), true, total);
    this.#reading = null;
  }

  /** What an event told of one row; null = it is no part of the list any more. */
  tell(key: string, row: Row | null): void {
    if (this.#reading !== null) this.#toldMeanwhile.set(key, row);
    this.#told.set(key, row);
    this.#timer ??= window.setTimeout(() => this.#showTold(), gatherMs);
  }

  close(): void {
    this.#reading?.abort();
    clearTimeout(this.#timer);
    if (this.loaded.value.isWhole) remember(this.#options.path, this.loaded.value);
  }

  #show(rows: ReadonlyMap<string, Row>, isWhole: boolean, total: number | null): void {
    this.loaded.value = { rows, isWhole, total, failure: null };
  }

  #showTold(): void {
    this.#timer = undefined;
    this.loaded.value = { ...this.loaded.value, rows: changed(this.loaded.value.rows, this.#told) };
    this.#told.clear();
  }

  #newest(rows: ReadonlyMap<string, Row>): ReadonlyMap<string, Row> {
    return changed(rows, this.#toldMeanwhile);
  }
}

function changed<Row>(
  rows: ReadonlyMap<string, Row>,
  changes: ReadonlyMap<string, Row | null>,
): ReadonlyMap<string, Row> {
  const next = new Map(rows);
  for (const [key, row] of changes) {
    if (row === null) next.delete(key);
    else next.set(key, row);
  }
  return next;
}

function withPage(path: string, cursor: string | null): string {
  const size = cursor === null ? pageSizes.first : pageSizes.further;
  const page = `limit=${size}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
  return `${path}${path.includes('?') ? '&' : '?'}${page}`;
}
