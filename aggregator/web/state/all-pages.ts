/** A whole list of the API, page by page: rows are shown as they come, and changed in place as events tell. */
import { type Signal, signal } from '@preact/signals';
import { type Answer, get } from '../api.ts';

export interface Loaded<Row> {
  /** By key. A new map with each change. */
  readonly rows: ReadonlyMap<string, Row>;
  readonly isWhole: boolean;
  /** Why it could not be read; the rows before that stay. */
  readonly failure: string | null;
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export interface PagesOptions<Item, Row> {
  /** With its query, if any. */
  readonly path: string;
  readonly keyOf: (item: Item) => string;
  /** Of long lists only what is shown is kept. */
  readonly rowOf: (item: Item) => Row;
}

const pageSize = 500;

/** One list for as long as its view is shown. */
export class AllPages<Item, Row> {
  readonly loaded: Signal<Loaded<Row>> = signal({ rows: new Map(), isWhole: false, failure: null });
  readonly #options: PagesOptions<Item, Row>;
  #reading: AbortController | null = null;
  /** What events told while pages were on their way: it is newer than the pages. */
  readonly #told = new Map<string, Row | null>();

  constructor(options: PagesOptions<Item, Row>) {
    this.#options = options;
    void this.read();
  }

  /** Reads it from the beginning; what is shown stays until the new rows are there. */
  async read(): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#told.clear();
    const { path, keyOf, rowOf } = this.#options;
    const isFirst = !this.loaded.value.isWhole;
    const rows = new Map<string, Row>();
    let cursor: string | null = null;
    do {
      const answer: Answer<Page<Item>> = await get<Page<Item>>(withPage(path, cursor), reading.signal);
      if (reading.signal.aborted) return;
      if (!answer.ok) {
        this.loaded.value = { ...this.loaded.value, failure: answer.detail };
        return;
      }
      for (const item of answer.value.items) rows.set(keyOf(item), rowOf(item));
      cursor = answer.value.next;
      if (isFirst && cursor !== null) this.loaded.value = { rows: this.#newest(rows), isWhole: false, failure: null };
    } while (cursor !== null);
    this.loaded.value = { rows: this.#newest(rows), isWhole: true, failure: null };
    this.#reading = null;
  }

  /** What an event told of one row; null = it is no part of the list any more. */
  tell(key: string, row: Row | null): void {
    if (this.#reading !== null) this.#told.set(key, row);
    const { rows, isWhole, failure } = this.loaded.value;
    if (row === null && !rows.has(key)) return;
    const changed = new Map(rows);
    if (row === null) changed.delete(key);
    else changed.set(key, row);
    this.loaded.value = { rows: changed, isWhole, failure };
  }

  close(): void {
    this.#reading?.abort();
  }

  #newest(rows: ReadonlyMap<string, Row>): ReadonlyMap<string, Row> {
    const newest = new Map(rows);
    for (const [key, row] of this.#told) {
      if (row === null) newest.delete(key);
      else newest.set(key, row);
    }
    return newest;
  }
}

function withPage(path: string, cursor: string | null): string {
  const page = `limit=${pageSize}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
  return `${path}${path.includes('?') ? '&' : '?'}${page}`;
}
