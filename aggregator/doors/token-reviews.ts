/** Reviews of tokens, as few as can be: an answer is remembered for a minute at most. */
import type { ReviewOutcome } from '../model/token-review.ts';
import { AskedOnce } from './asked-once.ts';
import { Tally } from './tally.ts';

export type Reviewed = ReviewOutcome | 'busy';

export interface TokenReviewsOptions {
  readonly reviewToken: (token: string) => Promise<ReviewOutcome>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly inFlight?: number;
  readonly waiting?: number;
}

const rememberMs = 60_000;
/** So that whoever comes again and again with a token that is refused does not have the API server asked each time. */
const rememberRefusedMs = 10_000;
const podUidClaim = 'authentication.kubernetes.io/pod-uid';

export class TokenReviews {
  readonly #reviewToken: TokenReviewsOptions['reviewToken'];
  readonly #answers: AskedOnce<ReviewOutcome>;
  readonly outcomes = new Tally();

  constructor(options: TokenReviewsOptions) {
    this.#reviewToken = options.reviewToken;
    this.#answers = new AskedOnce({ ...options, rememberMs: memoryOf });
  }

  /** Reviews that run or wait. */
  get pending(): number {
    return this.#answers.pending;
  }

  /** Whether the token was found good a moment ago, so that a review of it costs nothing. */
  isKnownGood(token: string): boolean {
    const known = this.#answers.remembered(token);
    return known?.ok === true && known.status.authenticated;
  }

  /** @param expiresAt of the token by its own word, Unix ms; null where it says nothing. It only shortens memory. */
  async review(token: string, expiresAt: number | null): Promise<Reviewed> {
    if (this.#answers.remembered(token) !== undefined) this.outcomes.add('remembered');
    const outcome = await this.#answers.answer({ text: token, ask: () => this.#ask(token), notAfter: expiresAt });
    if (outcome === 'busy') this.outcomes.add('busy');
    return outcome;
  }

  /** Forgets every answer about tokens of this pod. */
  forgetPod(uid: string): void {
    this.#answers.forget((outcome) => outcome.ok && outcome.status.extra[podUidClaim]?.includes(uid) === true);
  }

  async #ask(token: string): Promise<ReviewOutcome> {
    try {
      const outcome = await this.#reviewToken(token);
      this.outcomes.add(outcome.ok ? (outcome.status.authenticated ? 'authenticated' : 'refused') : 'failed');
      return outcome;
    } catch (cause) {
      this.outcomes.add('failed');
      return { ok: false, message: cause instanceof Error ? cause.message : String(cause) };
    }
  }
}

function memoryOf(outcome: ReviewOutcome): number {
  if (!outcome.ok) return 0;
  return outcome.status.authenticated ? rememberMs : rememberRefusedMs;
}
