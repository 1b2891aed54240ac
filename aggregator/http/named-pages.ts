/** Pages of things that have a name of their own, in its order. */
import { cursorOf, placeOf } from './cursor.ts';

interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

interface NamedPage<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/**
 * @param nameOf no two things may have the same.
 * @returns null when the cursor is none of such a list.
 */
export function namedPage<T>(
  things: readonly T[],
  nameOf: (thing: T) => string,
  { cursor, limit }: PageQuery,
): NamedPage<T> | null {
  const place = cursor === undefined ? null : placeOf(cursor);
  if (cursor !== undefined && place?.in !== 'names') return null;
  const behind = place?.in === 'names' ? place.name : '';
  const rest = things
    .map((thing) => ({ thing, name: nameOf(thing) }))
    .filter(({ name }) => name > behind)
    .sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ thing }) => thing),
    next: last === undefined || shown.length === rest.length ? null : cursorOf({ in: 'names', name: last.name }),
  };
}

/**
 * The same of things that are sorted by their names already, however many they are.
 * @param nameOf no two things may have the same.
 */
export function sortedPage<T>(
  things: readonly T[],
  nameOf: (thing: T) => string,
  { cursor, limit }: PageQuery,
): NamedPage<T> | null {
  const place = cursor === undefined ? null : placeOf(cursor);
  if (cursor !== undefined && place?.in !== 'names') return null;
  const from = place?.in === 'names' ? countUpTo(things, nameOf, place.name) : 0;
  const items = things.slice(from, from + limit);
  const last = items.at(-1);
  const isLast = last === undefined || from + items.length === things.length;
  return { items, next: isLast ? null : cursorOf({ in: 'names', name: nameOf(last) }) };
}

/** How many of the sorted things have this name or one before it. */
function countUpTo<T>(things: readonly T[], nameOf: (thing: T) => string, name: string): number {
  let low = 0;
  let high = things.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const thing = things[middle];
    if (thing !== undefined && nameOf(thing) <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}
