/** A bucket that fills steadily, and may be emptied at once. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perSecond: number;
  #level: number;
  #at: number | null = null;

  constructor(capacity: number, perSecond: number) {
    this.#capacity = capacity;
    this.#perSecond = perSecond;
    this.#level = capacity;
  }

  /** Whether there was enough; then it is taken. */
  take(amount: number, monotonic: number): boolean {
    const seconds = (monotonic - (this.#at ?? monotonic)) / 1000;
    this.#at = monotonic;
    this.#level = Math.min(this.#capacity, this.#level + seconds * this.#perSecond);
    if (this.#level < amount) return false;
    this.#level -= amount;
    return true;
  }
}
