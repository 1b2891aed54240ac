/** A refusal on its way out of code that can only throw: fetch, and the sockets below it. */
import type { Refusal } from '../refusal.ts';

export class NotConnected extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`cannot ${refusal.attempted}: ${refusal.cameBack}`);
    this.name = 'NotConnected';
    this.refusal = refusal;
  }
}

/** The refusal that was thrown, however often it was wrapped; null where something else was. */
export function refusalIn(cause: unknown): Refusal | null {
  for (let inner = cause; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof NotConnected) return inner.refusal;
  }
  return null;
}
