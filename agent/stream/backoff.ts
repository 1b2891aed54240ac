/**
 * How long to wait before dialing. Thousands of agents lose one aggregator in the same second: without the random parts
 * they would all come back in the same second too.
 */

const firstSeconds = 1;
const factor = 1.6;
const longestSeconds = 30;

/** A random part of the spread: before the first dial, and after a stream that had worked. */
export function spreadMs(spreadSeconds: number, random: () => number): number {
  return Math.round(random() * spreadSeconds * 1000);
}

/**
 * The wait after dials that failed: 1 s, 1.6 times more each time up to 30 s, each half as much more or less.
 * @param failures in a row, at least 1.
 */
export function backoffMs(failures: number, random: () => number): number {
  const seconds = Math.min(longestSeconds, firstSeconds * factor ** (failures - 1));
  return Math.round(seconds * (0.5 + random()) * 1000);
}
