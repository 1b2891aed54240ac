/**
 * Reviews of tokens, as few as can be: an answer is remembered for a minute at most, the same token is never under
 * review twice, and only so many reviews run or wait at once. Tokens themselves are not kept, only their hashes.
 */
import { createHash } from 'node:crypto';
import type { ReviewOutcome } from '../model/token-review.ts';
import { Tally } from './counts.ts';

export type Reviewed = ReviewOutcome | 'busy';

export interface TokenReviewsOptions {
  readonly reviewToken: (token: string) => Promise<ReviewOutcome>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly inFlight?: number;
  readonly waiting?: number;
}

interface Remembered {
  readonly outcome: ReviewOutcome;
  readonly until: number;
}

const rememberMs = 60_000;
/** So that an agent with a token that is refused does not ask the API server at each of its dials. */
const rememberRefusedMs = 10_000;
const mostRemembered = 20_000;
const podUidClaim = 'authentication.kubernetes.io/pod-uid';

export class TokenReviews {
  readonly #options: TokenReviewsOptions;
  readonly #remembered = new Map<string, Remembered>();
  readonly #running = new Map<string, Promise<ReviewOutcome>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;
  readonly outcomes = new Tally();

  constructor(options: TokenReviewsOptions) {
    this.#options = options;
    this.#free = options.inFlight ?? 32;
  }

  /** Reviews that run or wait. */
  get pending(): number {
    return this.#running.size;
  }

  /** @param expiresAt of the token by its own word, Unix ms; null where it says nothing. It only shortens memory. */
  async review(token: string, expiresAt: number | null): Promise<Reviewed> {
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#remembered.get(key);
    if (known !== undefined && known.until > this.#options.now()) {
      this.outcomes.add('remembered');
      return known.outcome;
    }
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    if (this.#free === 0 && this.#waiting.length >= (this.#options.waiting ?? 128)) {
      this.outcomes.add('busy');
      return 'busy';
    }
    const review = this.#ask(token).finally(() => this.#running.delete(key));
    this.#running.set(key, review);
    const outcome = await review;
    this.#remember(key, outcome, expiresAt);
    return outcome;
  }

  /** Forgets every answer about tokens of this pod. */
  forgetPod(uid: string): void {
    for (const [key, { outcome }] of this.#remembered) {
      if (outcome.ok && outcome.status.extra[podUidClaim]?.includes(uid)) this.#remembered.delete(key);
    }
  }

  async #ask(token: string): Promise<ReviewOutcome> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const outcome = await this.#options.reviewToken(token);
      this.outcomes.add(outcome.ok ? (outcome.status.authenticated ? 'authenticated' : 'refused') : 'failed');
      return outcome;
    } catch (cause) {
      this.outcomes.add('failed');
      return { ok: false, message: cause instanceof Error ? cause.message : String(cause) };
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #remember(key: string, outcome: ReviewOutcome, expiresAt: number | null): void {
    if (!outcome.ok) return;
    const now = this.#options.now();
    const most = now + (outcome.status.authenticated ? rememberMs : rememberRefusedMs);
    const until = Math.min(most, expiresAt ?? most);
    this.#remembered.delete(key);
    if (until <= now) return;
    this.#remembered.set(key, { outcome, until });
    // Oldest first: a map keeps the order of insertion.
    for (const [oldest, { until: end }] of this.#remembered) {
      if (end > now && this.#remembered.size <= mostRemembered) break;
      this.#remembered.delete(oldest);
    }
  }
}
