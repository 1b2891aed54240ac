/** Time, as the loop and what stands beside it need it; tests have a clock of their own. */

export interface Clock {
  /** Wall clock: shown, never used for order or waiting. */
  now(): Date;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Ends after so many milliseconds, or as soon as the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      signal.addEventListener('abort', end);
    }),
};
