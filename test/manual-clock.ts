/** A clock that moves only when a test says so. */
import type { Clock } from '../agent/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class ManualClock implements Clock {
  #atMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  /** 08:00:00 on the day of the recordings, and as much later as the clock has been moved. */
  now(): Date {
    return new Date(Date.UTC(2026, 10, 22, 8) + this.#atMs);
  }

  monotonicMs(): number {
    return this.#atMs;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        atMs: this.#atMs + milliseconds,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      if (signal.aborted) {
        resolve();
        return;
      }
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', sleeper.wake);
    });
  }

  /** Time passes without anybody being woken: something takes that long. */
  pass(seconds: number): void {
    this.#atMs += seconds * 1000;
  }

  /** Moves on, waking whoever's time has come in turn and letting each do what it does. */
  async advance(seconds: number): Promise<void> {
    const endMs = this.#atMs + seconds * 1000;
    await quiet();
    for (;;) {
      const [next] = [...this.#sleepers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#atMs = Math.max(this.#atMs, next.atMs);
      next.wake();
      await quiet();
    }
    this.#atMs = Math.max(this.#atMs, endMs);
  }
}

/** Until everything that waits for nothing but answers at hand has run. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
