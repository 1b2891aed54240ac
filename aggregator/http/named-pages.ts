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
