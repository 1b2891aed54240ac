/** Waiting for what must come, with a deadline that tells what was there instead. */
import { inspect } from 'node:util';

const everyMs = 100;

export interface Awaited<T> {
  /** Completes "waited for ...": `stale-endpoint of node-a to fire`. */
  readonly what: string;
  readonly seconds: number;
  readonly look: () => T | Promise<T>;
  readonly met: (seen: T) => boolean;
}

/**
 * Looks again and again. What throws meanwhile is looked at again too: a program may be on its way up.
 * @returns the first that met the condition.
 * @throws at the deadline, with what was seen last.
 */
export async function until<T>({ what, seconds, look, met }: Awaited<T>): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  do {
    try {
      const seen = await look();
      if (met(seen)) return seen;
      last = seen;
    } catch (cause) {
      last = cause;
    }
    await pause(everyMs);
  } while (performance.now() < deadline);
  const seen = inspect(last, { depth: 6, maxArrayLength: 20, maxStringLength: 300 });
  throw new Error(`waited ${seconds} s for ${what}; seen last: ${seen}`);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Seconds since a moment of `performance.now()`. */
export function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
