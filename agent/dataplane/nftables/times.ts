/** Times as nft prints them. */

const unitSeconds: ReadonlyMap<string, number> = new Map([
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
  ['ms', 0.001],
]);

/** `3h1m5s` in seconds; null when the text is no time. */
export function secondsIn(text: string): number | null {
  if (!/^(\d+(d|h|ms|m|s))+$/.test(text)) return null;
  let seconds = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+)(d|h|ms|m|s)/g)) {
    seconds += Number(count) * (unitSeconds.get(unit) ?? 0);
  }
  return seconds;
}
