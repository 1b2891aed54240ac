/** Whose is this token? The API server says; tokens of agents, made for another audience, open nothing here. */
import { audiencesOf, expiryOf } from '../../doors/bearer-token.ts';
import type { Tally } from '../../doors/tally.ts';
import { TokenReviews } from '../../doors/token-reviews.ts';
import type { Person } from '../../model/access.ts';
import type { ReviewOutcome, TokenReviewStatus } from '../../model/token-review.ts';

export interface AuthenticationOptions {
  readonly audience: string;
  readonly reviewToken: (token: string, audiences: readonly string[]) => Promise<ReviewOutcome>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export type Recognition =
  | {
      readonly kind: 'known';
      readonly person: Person;
      /** When the token ends by its own word, Unix milliseconds; null where it says nothing. */
      readonly expiresAt: number | null;
    }
  | { readonly kind: 'refused' }
  /** Nobody can say now: the API server is away, or too many ask. */
  | { readonly kind: 'unavailable'; readonly because: string };

export class Authentication {
  readonly #audience: string;
  readonly #reviews: TokenReviews;

  constructor({ audience, reviewToken, now }: AuthenticationOptions) {
    this.#audience = audience;
    this.#reviews = new TokenReviews({ now, reviewToken: (token) => reviewToken(token, this.#askedFor(token)) });
  }

  get outcomes(): Tally {
    return this.#reviews.outcomes;
  }

  /** Whether recognising this token costs nobody anything. */
  isKnownGood(token: string): boolean {
    return this.#reviews.isKnownGood(token);
  }

  async recognise(token: string): Promise<Recognition> {
    const expiresAt = expiryOf(token);
    const reviewed = await this.#reviews.review(token, expiresAt);
    if (reviewed === 'busy') return { kind: 'unavailable', because: 'too many tokens are under review' };
    if (!reviewed.ok) return { kind: 'unavailable', because: 'the API server did not review the token' };
    const { status } = reviewed;
    if (!status.authenticated || status.username === '' || !this.#isForUs(token, status)) return { kind: 'refused' };
    const { username, uid = null, groups, extra } = status;
    return { kind: 'known', person: { username, uid, groups, extra }, expiresAt };
  }

  /** An authenticator that knows no audiences takes any token, and names none. */
  #isForUs(token: string, { audiences }: TokenReviewStatus): boolean {
    return this.#askedFor(token).every((audience) => audiences.includes(audience));
  }

  #askedFor(token: string): readonly string[] {
    return audiencesOf(token).includes(this.#audience) ? [this.#audience] : [];
  }
}
