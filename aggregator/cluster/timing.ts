/** Time and chance, as the watches use them: handed in, so that a test can have ten minutes pass at once. */

export interface Timing {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds of a clock that nobody sets: for ages and deadlines. */
  monotonic(): number;
  /** Runs something once, later. @returns what takes it back. */
  later(ms: number, run: () => void): () => void;
  /** From 0 up to, not including, 1. */
  random(): number;
}

/** The real ones. */
export const systemTiming: Timing = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  later(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Waits, or less long where the signal is given meanwhile. */
export function pause(timing: Timing, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = timing.later(ms, end);
    signal.addEventListener('abort', end);
  });
}

/** Lets everything else in the process have its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Calls once when nothing was heard for so long; hearing again arms it anew. Cheap to tell of every event. */
export class SilenceAlarm {
  readonly #timing: Timing;
  readonly #afterMs: number;
  readonly #onSilent: () => void;
  #heardAt = 0;
  #cancel: (() => void) | null = null;

  constructor(timing: Timing, afterMs: number, onSilent: () => void) {
    this.#timing = timing;
    this.#afterMs = afterMs;
    this.#onSilent = onSilent;
    this.heard();
  }

  heard(): void {
    this.#heardAt = this.#timing.monotonic();
    if (this.#cancel === null) this.#arm(this.#afterMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** One timer for many events: it looks how late the last of them was. */
  #arm(ms: number): void {
    this.#cancel = this.#timing.later(ms, () => {
      this.#cancel = null;
      const left = this.#afterMs - (this.#timing.monotonic() - this.#heardAt);
      if (left > 0) this.#arm(left);
      else this.#onSilent();
    });
  }
}
