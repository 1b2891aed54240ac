/**
 * How close the aggregator is to the memory that it may have. The kernel kills what goes over its limit, and all nodes
 * would be unknown by that; so what takes much is put off before, and heartbeats never are.
 */
import { totalmem } from 'node:os';

/**
 * `soft`: nodes that must upload much wait, and all are asked to read less often. `hard`: nobody uploads anything new,
 * and no further stream begins.
 */
export type Pressure = 'none' | 'soft' | 'hard';

const softShare = 0.7;
const hardShare = 0.85;
/** So much less it must be before a level is left: else it would come and go. */
const slackShare = 0.05;

/** The memory that the process holds, as a share of what its container may have, or else of what the machine has. */
export function heldShare(): number {
  // Without a limit this is more than any machine has, and 0 where the system does not say.
  const limit = process.constrainedMemory();
  return process.memoryUsage.rss() / (limit > 0 ? Math.min(limit, totalmem()) : totalmem());
}

export class MemoryPressure {
  readonly #share: () => number;
  #level: Pressure = 'none';

  constructor(share: () => number) {
    this.#share = share;
  }

  get level(): Pressure {
    return this.#level;
  }

  /** Looks again. @returns whether the level changed. */
  look(): boolean {
    const before = this.#level;
    const share = this.#share();
    const isOver = (limit: number, isLeft: boolean) => share >= limit - (isLeft ? slackShare : 0);
    if (isOver(hardShare, before === 'hard')) this.#level = 'hard';
    else this.#level = isOver(softShare, before !== 'none') ? 'soft' : 'none';
    return this.#level !== before;
  }
}
