/** Time that passes only when a test says so, and chance that is the same each time. */
import type { Timing } from '../aggregator/cluster/timing.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export class ManualTiming implements Timing {
  readonly #timers = new Set<Timer>();
  readonly #chance: () => number;
  #ms = 0;

  /** @param chance from 0 up to 1; always 0.5 unless given. */
  constructor(chance: () => number = () => 0.5) {
    this.#chance = chance;
  }

  /** Counted from 08:00:00 on the day of the recordings. */
  now(): number {
    return Date.UTC(2026, 10, 22, 8) + this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  later(ms: number, run: () => void): () => void {
    const timer = { at: this.#ms + Math.max(0, ms), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  random(): number {
    return this.#chance();
  }

  /** So many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets everybody do what needs no time, then time pass, timer by timer. */
  async pass(seconds: number): Promise<void> {
    const end = this.#ms + seconds * 1000;
    await settled();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#ms = Math.max(this.#ms, next.at);
      next.run();
      await settled();
    }
    this.#ms = end;
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }
}

/** All that waits only for promises has run. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
