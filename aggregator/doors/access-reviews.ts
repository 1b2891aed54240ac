/** Reviews of what somebody may, as few as can be: a yes is remembered for five minutes, a no for half of one. */
import type { AccessOutcome, AccessQuestion } from '../model/access.ts';
import { AskedOnce } from './asked-once.ts';
import { Tally } from './tally.ts';

export interface AccessReviewsOptions {
  readonly reviewAccess: (question: AccessQuestion) => Promise<AccessOutcome>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly inFlight?: number;
  readonly waiting?: number;
}

const rememberAllowedMs = 300_000;
const rememberDeniedMs = 30_000;

export class AccessReviews {
  readonly #reviewAccess: AccessReviewsOptions['reviewAccess'];
  readonly #answers: AskedOnce<AccessOutcome>;
  readonly outcomes = new Tally();

  constructor(options: AccessReviewsOptions) {
    this.#reviewAccess = options.reviewAccess;
    this.#answers = new AskedOnce({ ...options, rememberMs: memoryOf });
  }

  /** Reviews that run or wait. */
  get pending(): number {
    return this.#answers.pending;
  }

  /** Whether this person may do this to this path. No answer is no yes. */
  async review(question: AccessQuestion): Promise<AccessOutcome | 'busy'> {
    const text = textOf(question);
    if (this.#answers.remembered(text) !== undefined) this.outcomes.add('remembered');
    const outcome = await this.#answers.answer({ text, ask: () => this.#ask(question), notAfter: null });
    if (outcome === 'busy') this.outcomes.add('busy');
    return outcome;
  }

  async #ask(question: AccessQuestion): Promise<AccessOutcome> {
    try {
      const outcome = await this.#reviewAccess(question);
      this.outcomes.add(outcome.ok ? (outcome.allowed ? 'allowed' : 'denied') : 'failed');
      return outcome;
    } catch (cause) {
      this.outcomes.add('failed');
      return { ok: false, message: cause instanceof Error ? cause.message : String(cause) };
    }
  }
}

/** All that the answer depends on. JSON keeps a group with a comma apart from two groups. */
function textOf({ person, path, verb }: AccessQuestion): string {
  const { username, uid, groups, extra } = person;
  const sorted = Object.entries(extra).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([username, uid, groups, sorted, verb, path]);
}

function memoryOf(outcome: AccessOutcome): number {
  if (!outcome.ok) return 0;
  return outcome.allowed ? rememberAllowedMs : rememberDeniedMs;
}
