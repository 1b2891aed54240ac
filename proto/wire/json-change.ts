/**
 * What changed between two JSON values, in few bytes: parts of a report are large, and mostly a number in them changes.
 *
 *     {"a":1,"b":[1,2]}   ->   {"a":2,"b":[1,2]}      {"a":2}
 *     [{"n":1},{"n":2}]   ->   [{"n":1},{"n":5}]      {"1":{"n":5}}
 *     [1,2,3,4]           ->   [1,7,8,4]              [1,2,[7,8]]
 *     "any"               ->   {"new":1}              [{"new":1}]
 *
 * An object holds what changed below, by name or place. An array of three is a place, how many go there, and what comes
 * instead; an array of one holds the new value. Anything else is the new value.
 */

/** Nested deeper than any part is. */
const maxDepth = 32;

/** The change from one value to another as JSON; null where they are the same. Both values are as JSON.parse gives them. */
export function jsonChange(base: unknown, next: unknown): string | null {
  const text = JSON.stringify(next);
  if (JSON.stringify(base) === text) return null;
  if (typeof next !== 'object' || next === null) return text;
  const ways = [`[${text}]`, below(base, next)];
  if (Array.isArray(base) && Array.isArray(next)) ways.push(splice(base, next));
  return ways.reduce((best: string, way) => (way !== null && way.length < best.length ? way : best), ways[0] ?? text);
}

/** What changed in members of the same names in the same order, or in elements of as many; null where they differ. */
function below(base: unknown, next: object): string | null {
  if (typeof base !== 'object' || base === null || Array.isArray(base) !== Array.isArray(next)) return null;
  const before = Object.entries(base);
  const after = Object.entries(next);
  if (before.length !== after.length) return null;
  const changes: string[] = [];
  for (const [place, [name, value]] of after.entries()) {
    const own = before[place];
    if (own?.[0] !== name) return null;
    const change = jsonChange(own[1], value);
    if (change !== null) changes.push(`${JSON.stringify(name)}:${change}`);
  }
  return `{${changes.join(',')}}`;
}

/** The elements between those that both arrays begin with and those that both end with. */
function splice(base: readonly unknown[], next: readonly unknown[]): string {
  const before = base.map((each) => JSON.stringify(each));
  const after = next.map((each) => JSON.stringify(each));
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const items = after.slice(start, after.length - end);
  return `[${start},${before.length - end - start},[${items.join(',')}]]`;
}

/**
 * The JSON of a value after a change. Both come from the other side: values as JSON.parse gives them, of any form.
 * @returns null where the change does not fit the value.
 */
export function changedJson(base: unknown, change: unknown, depth = 0): string | null {
  if (depth > maxDepth) return null;
  if (Array.isArray(change)) return replacedJson(base, change);
  if (typeof change !== 'object' || change === null) return JSON.stringify(change);
  if (typeof base !== 'object' || base === null) return null;
  const changes = new Map<string, unknown>(Object.entries(change));
  const members: string[] = [];
  for (const [name, own] of Object.entries(base)) {
    const text = changes.has(name) ? changedJson(own, changes.get(name), depth + 1) : JSON.stringify(own);
    if (text === null) return null;
    changes.delete(name);
    members.push(Array.isArray(base) ? text : `${JSON.stringify(name)}:${text}`);
  }
  if (changes.size > 0) return null;
  return Array.isArray(base) ? `[${members.join(',')}]` : `{${members.join(',')}}`;
}

function replacedJson(base: unknown, change: readonly unknown[]): string | null {
  if (change.length === 1) return JSON.stringify(change[0]);
  const [start, removed, items] = change;
  if (change.length !== 3 || !Array.isArray(base) || !Array.isArray(items)) return null;
  if (!isCount(start) || !isCount(removed) || start + removed > base.length) return null;
  return JSON.stringify([...base.slice(0, start), ...items, ...base.slice(start + removed)]);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
