/**
 * Tries the other ways now and then while a stream lives on one: else nobody would know that the Service's address does
 * not work, as long as another one does. Each way at most once in five minutes, agents not all at once.
 */
import type { Clock } from '../clock.ts';
import type { Trial } from './try-way.ts';
import type { WayList } from './way-list.ts';
import type { Ways } from './ways.ts';

export interface WayTriesOptions {
  readonly list: WayList;
  readonly ways: Ways;
  readonly clock: Clock;
  readonly random: () => number;
  readonly attempt: (address: string, signal: AbortSignal) => Promise<Trial>;
}

const everyMs = 5 * 60_000;
/** A random part of it comes on top. */
const jitterMs = 60_000;

export class WayTries {
  readonly #options: WayTriesOptions;
  /** When each way may be tried next, monotonic milliseconds. */
  readonly #due = new Map<string, number>();

  constructor(options: WayTriesOptions) {
    this.#options = options;
  }

  /** The way is dialed now, which is as good as a try. */
  dialed(address: string): void {
    const { clock, random } = this.#options;
    this.#due.set(address, clock.monotonicMs() + everyMs + random() * jitterMs);
  }

  /** Tries the other ways, one at a time, until the signal. @param used the address that the stream goes over. */
  async run(used: string, signal: AbortSignal): Promise<void> {
    const { list, ways, clock, attempt } = this.#options;
    while (!signal.aborted) {
      const listed = list.read();
      ways.listed(listed);
      const next = this.#next(new Set(listed.map(({ address }) => address)), used);
      if (next === null && !list.mayChange) return;
      const waitMs = next === null ? everyMs : next.due - clock.monotonicMs();
      // What is to be tried is asked anew after each wait: meanwhile there may be others.
      if (next === null || waitMs > 0) {
        await clock.sleep(Math.min(waitMs, everyMs), signal);
        continue;
      }
      this.dialed(next.address);
      this.#note(next.address, await attempt(next.address, signal));
    }
  }

  /** The way that is due first. One that is new gets its turn within five minutes. */
  #next(addresses: ReadonlySet<string>, used: string): { readonly address: string; readonly due: number } | null {
    const { clock, random } = this.#options;
    for (const address of this.#due.keys()) if (!addresses.has(address)) this.#due.delete(address);
    const others = [...addresses].filter((address) => address !== used);
    const dues = others.map((address) => {
      const due = this.#due.get(address) ?? clock.monotonicMs() + random() * everyMs;
      this.#due.set(address, due);
      return { address, due };
    });
    return dues.sort((one, other) => one.due - other.due)[0] ?? null;
  }

  #note(address: string, trial: Trial): void {
    const { ways, clock } = this.#options;
    if (trial === 'worked') ways.worked(address, clock.monotonicMs());
    else if (trial !== 'not-tried') ways.failed(address, trial, clock.monotonicMs());
  }
}
