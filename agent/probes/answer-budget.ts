/** How often probes are answered: somebody who asks without end, or in the name of others, gets little for it. */
import type { Address } from '../../proto/address.ts';

const mostPerSecond = 50;
const mostPerSource = 10;

export class AnswerBudget {
  #second = Number.NEGATIVE_INFINITY;
  #spent = 0;
  /** No longer than what is answered in a second. */
  readonly #bySource = new Map<Address, number>();

  /** Whether this source is answered now; it counts if so. */
  spend(source: Address, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#spent = 0;
      this.#bySource.clear();
    }
    const spent = this.#bySource.get(source) ?? 0;
    if (this.#spent >= mostPerSecond || spent >= mostPerSource) return false;
    this.#spent++;
    this.#bySource.set(source, spent + 1);
    return true;
  }
}
