/**
 * What counters of another process rose by, on a monotonic clock. Such a process counts from its own start, so a count
 * that fell, or went away, says that it was started anew.
 */
import type { Counter } from '../../proto/parts.ts';

/** One answer of the process: its counts by name. A name that it does not tell was not counted up yet. */
interface Point {
  readonly atMs: number;
  readonly totals: ReadonlyMap<string, number>;
}

/**
 * An increase is told over this long, or over what is known of it: a failure that comes back every half minute shall
 * be seen in each of several readings in between, not in one of them.
 */
const windowMs = 60_000;
const nothing: ReadonlyMap<string, number> = new Map();

/** Remembers the answers of the last minute. */
export class RisingCounters {
  #points: readonly Point[] = [];

  /**
   * Takes in one answer.
   * @param atMs of the monotonic clock.
   * @returns each of its counts with its increase since the newest answer that is a minute old, or else the oldest.
   */
  advance(totals: ReadonlyMap<string, number>, atMs: number): ReadonlyMap<string, Counter> {
    const last = this.#points.at(-1);
    const reset = last !== undefined && [...last.totals].some(([name, total]) => (totals.get(name) ?? 0) < total);
    // Started anew between two answers: from the former on, all that is counted now was new.
    if (reset) this.#points = [{ atMs: last.atMs, totals: nothing }];
    const base = this.#points.findLast((point) => atMs - point.atMs >= windowMs) ?? this.#points[0];
    const windowSeconds = base === undefined ? 0 : Math.round((atMs - base.atMs) / 1000);
    const counters = new Map<string, Counter>();
    for (const [name, total] of totals) {
      const increase = base === undefined ? 0 : total - (base.totals.get(name) ?? 0);
      counters.set(name, { total, increase, windowSeconds, reset });
    }
    const kept = base === undefined ? [] : this.#points.slice(this.#points.indexOf(base));
    this.#points = [...kept, { atMs, totals }];
    return counters;
  }
}
