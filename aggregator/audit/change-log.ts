/** Which Services changed, in order, for those who catch up later: what nobody asks for is worked out for nobody. */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ServiceRecord } from './service-history.ts';
import type { AskedFrontend } from './wishes.ts';

export interface ServiceChange {
  readonly record: ServiceRecord;
  /** What it asked for before or asks for now. May name a frontend twice. */
  readonly keys: readonly FrontendKey[];
}

/** Who is further behind than this starts over. */
const mostChanges = 10_000;
const noFrontends: readonly AskedFrontend[] = [];

export class ChangeLog {
  #changes: ServiceChange[] = [];
  /** The number of the first change that is still there. */
  #first = 0;

  /** The number of the next change. */
  get next(): number {
    return this.#first + this.#changes.length;
  }

  add(
    record: ServiceRecord,
    before: readonly AskedFrontend[] = noFrontends,
    after: readonly AskedFrontend[] = noFrontends,
  ): void {
    const asked = before === after ? after : [...before, ...after];
    this.#changes.push({ record, keys: asked.map(({ key }) => key) });
    if (this.#changes.length < 2 * mostChanges) return;
    this.#first += mostChanges;
    this.#changes = this.#changes.slice(mostChanges);
  }

  /** The changes from this number on; null when some of them are gone. */
  since(number: number): readonly ServiceChange[] | null {
    if (number < this.#first) return null;
    return number === this.next ? [] : this.#changes.slice(number - this.#first);
  }
}
