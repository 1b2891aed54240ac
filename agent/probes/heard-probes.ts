/** Whose probes came here lately: what tells a broken way there from a broken way back. */
import type { Address } from '../../proto/address.ts';
import type { HeardProbes, ProbesReport } from '../../proto/parts.ts';

/** Probes come every 20 seconds: so some of them may be lost. */
const rememberMs = 90_000;
/** Sixteen nodes probe one at a time, by a few addresses each; more is what somebody made up. */
const mostKept = 1_000;

interface Hearing {
  readonly from: Address;
  readonly to: Address;
  smallAtMs: number;
  fullAtMs: number;
}

export class ProbesHeard {
  readonly #hearings = new Map<string, Hearing>();
  #passedOver = 0;

  /** Questions that were not noted, since there were too many others. */
  get passedOver(): number {
    return this.#passedOver;
  }

  note({ from, to }: Pick<HeardProbes, 'from' | 'to'>, size: 'small' | 'full', nowMs: number): void {
    const key = `${from} ${to}`;
    const known = this.#hearings.get(key);
    if (known === undefined && this.#hearings.size >= mostKept) this.#forget(nowMs);
    if (known === undefined && this.#hearings.size >= mostKept) {
      this.#passedOver++;
      return;
    }
    const hearing = known ?? { from, to, smallAtMs: Number.NEGATIVE_INFINITY, fullAtMs: Number.NEGATIVE_INFINITY };
    if (size === 'small') hearing.smallAtMs = nowMs;
    else hearing.fullAtMs = nowMs;
    this.#hearings.set(key, hearing);
  }

  /** What was heard within the last 90 seconds, sorted: equal until something else is heard. */
  report(nowMs: number): ProbesReport['heard'] {
    this.#forget(nowMs);
    const first = [...this.#hearings]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { from, to, smallAtMs, fullAtMs }]) => {
        const isRecent = (atMs: number) => nowMs - atMs < rememberMs;
        return { from, to, small: isRecent(smallAtMs), full: isRecent(fullAtMs) };
      });
    return { total: first.length, first };
  }

  #forget(nowMs: number): void {
    for (const [key, { smallAtMs, fullAtMs }] of this.#hearings) {
      if (nowMs - Math.max(smallAtMs, fullAtMs) >= rememberMs) this.#hearings.delete(key);
    }
  }
}
