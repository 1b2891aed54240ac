/** How often each of many may come: a bucket for each, of the last ones that came. */
import { TokenBucket } from '../../doors/token-bucket.ts';

export interface Pace {
  readonly perSecond: number;
  readonly atOnce: number;
}

/** So many are remembered; who comes after as many others begins anew. */
const mostKnown = 10_000;

export class Paces {
  readonly #pace: Pace;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Whether this one may come once more now; then it counts. @param monotonic milliseconds. */
  admits(who: string, monotonic: number): boolean {
    const bucket = this.#buckets.get(who) ?? new TokenBucket(this.#pace.atOnce, this.#pace.perSecond);
    this.#buckets.delete(who);
    this.#buckets.set(who, bucket);
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size > mostKnown) this.#buckets.delete(oldest);
    return bucket.take(1, monotonic);
  }
}
