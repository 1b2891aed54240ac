/** What every part of a report has: how it came about, lists that may be cut, counts that rise. */

/** One collector's report. "No data" is `absent`, and differs from `failed`. */
export type Part<T> =
  | { readonly state: 'ok'; readonly value: T /** RFC 3339, UTC */; readonly collectedAt: string }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'absent' };

/** A list that may have been cut: `total` counts all, `first` holds at most 40. */
export interface Excerpt<T> {
  readonly total: number;
  readonly first: readonly T[];
}

/** A list of at most 2,000; `total` counts all. */
export interface LongExcerpt<T> {
  readonly total: number;
  readonly first: readonly T[];
}

/** A count that only rises. The collector computes what it rose by, on a monotonic clock. */
export interface Counter {
  readonly total: number;
  /** What it rose by within the window; 0 at the first reading. */
  readonly increase: number;
  /** Seconds between the two readings that `increase` is of; 0 at the first. */
  readonly windowSeconds: number;
  /** It fell since the last reading, so whoever counts was started anew: `increase` counts from zero. */
  readonly reset: boolean;
}
