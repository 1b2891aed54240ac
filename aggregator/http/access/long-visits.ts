/** Streams that go on: each ends with the token or session behind it, or when the right to it is taken away. */
import type { Gate } from './gate.ts';
import type { Visit } from './visit.ts';

interface LongVisit {
  readonly visit: Visit;
  readonly path: string;
  readonly end: () => void;
  /** Unix milliseconds of the last review. */
  reviewedAt: number;
}

const lookEveryMs = 1_000;
const reviewEveryMs = 60_000;

export class LongVisits {
  readonly #gate: Pick<Gate, 'mayStay' | 'sessions'>;
  readonly #now: () => number;
  readonly #visits = new Set<LongVisit>();
  #timer: NodeJS.Timeout | null = null;

  /** @param now Unix milliseconds. */
  constructor(gate: Pick<Gate, 'mayStay' | 'sessions'>, now: () => number) {
    this.#gate = gate;
    this.#now = now;
  }

  /** Calls `end` when the visit may not go on. @returns what to call when it is over by itself. */
  watch(visit: Visit, path: string, end: () => void): () => void {
    if (!('person' in visit)) return () => {};
    const long: LongVisit = { visit, path, end, reviewedAt: this.#now() };
    this.#visits.add(long);
    this.#timer ??= setInterval(() => void this.look(), lookEveryMs).unref();
    return () => this.#forget(long);
  }

  /** Ends those whose time is over. */
  async look(): Promise<void> {
    await Promise.all([...this.#visits].map((long) => this.#lookAt(long)));
  }

  async #lookAt(long: LongVisit): Promise<void> {
    const now = this.#now();
    const isReviewDue = now - long.reviewedAt >= reviewEveryMs;
    if (isReviewDue) long.reviewedAt = now;
    const mayStay =
      this.#isInTime(long.visit, now) && (!isReviewDue || (await this.#gate.mayStay(long.visit, long.path)));
    if (mayStay || !this.#visits.has(long)) return;
    this.#forget(long);
    long.end();
  }

  #isInTime(visit: Visit, now: number): boolean {
    if (!('person' in visit)) return true;
    if (visit.how === 'session') return this.#gate.sessions.isOpen(visit.session);
    return visit.until === null || now < visit.until;
  }

  #forget(long: LongVisit): void {
    this.#visits.delete(long);
    if (this.#visits.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
