/** When a watch may ask again: full jitter after failures, what the server wishes, and never a storm of requests. */
import type { Timing } from './timing.ts';

const firstBackoffMs = 800;
const longestBackoffMs = 30_000;
/** Between the starts of two requests, whatever came of the first. */
const leastDistanceMs = 1000;

export class Pace {
  readonly #timing: Timing;
  #failures = 0;
  #startedAt = Number.NEGATIVE_INFINITY;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Failures since anything went well. */
  get failures(): number {
    return this.#failures;
  }

  /** A request is sent now. */
  started(): void {
    this.#startedAt = this.#timing.monotonic();
  }

  /** The server told something new. */
  wentWell(): void {
    this.#failures = 0;
  }

  /** How long to wait after a request that failed. @param wishedMs the server's Retry-After. */
  afterFailure(wishedMs: number | null): number {
    const ceiling = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    return Math.max(this.#timing.random() * ceiling, wishedMs ?? 0, this.afterSuccess());
  }

  /** How long to wait after one that ended as it should. */
  afterSuccess(): number {
    return Math.max(0, this.#startedAt + leastDistanceMs - this.#timing.monotonic());
  }
}
