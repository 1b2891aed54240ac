/** Whole lists and single documents of the API. */
import { done, type Outcome } from '../refusal.ts';
import { ask, notRead, type Query, urlOf } from './client.ts';
import type { Connection } from './connection.ts';
import { readPage, type Reader } from './documents.ts';

const pageSize = '500';

export interface Listed<T> {
  readonly items: readonly T[];
  /** There are more than were asked for. */
  readonly hasMore: boolean;
  /** When the list was told, by the aggregator's clock, Unix milliseconds. */
  readonly at: number;
}

/**
 * All pages of a list.
 * @param most as many items are read.
 */
export async function readList<T>(
  connection: Connection,
  path: string,
  { query, read, most }: { readonly query: Query; readonly read: Reader<T>; readonly most: number },
): Promise<Outcome<Listed<T>>> {
  const items: T[] = [];
  let cursor: string | null = null;
  let at = Date.now();
  while (items.length < most) {
    const paging: Query = cursor === null ? [] : [['cursor', cursor]];
    const url = urlOf(connection.url, path, [...query, ['limit', pageSize], ...paging]);
    const answer = await ask(connection, url);
    if (!answer.ok) return answer;
    at = answer.value.at;
    const page = readPage(answer.value.value);
    if (page === null) return notRead(url, 'no list of plumbline.dev/v1');
    for (const value of page.items) {
      const item = read(value);
      if (item === null) return notRead(url, 'an item without the fields of its kind');
      items.push(item);
    }
    if (page.next === null) return done({ items, hasMore: false, at });
    if (page.next === cursor) return notRead(url, 'the same page twice');
    cursor = page.next;
  }
  return done({ items: items.slice(0, most), hasMore: true, at });
}

export interface Told<T> {
  readonly item: T;
  /** By the aggregator's clock, Unix milliseconds. */
  readonly at: number;
}

/** One document. */
export async function readOne<T>(connection: Connection, path: string, read: Reader<T>): Promise<Outcome<Told<T>>> {
  const url = urlOf(connection.url, path);
  const answer = await ask(connection, url);
  if (!answer.ok) return answer;
  const item = read(answer.value.value);
  return item === null
    ? notRead(url, 'a document without the fields of its kind')
    : done({ item, at: answer.value.at });
}
