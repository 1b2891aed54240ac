/**
 * Objects that are asked for now and then in place of being watched: few, of little weight, and often not there at all.
 * A kind that is not installed (404) or not granted (403) is an answer, and no trouble.
 */
import type { WatchHealth } from '../model/feeds.ts';
import type { ApiClient } from './api-client.ts';
import { type ApiError, type ApiOutcome, apiErrorText } from './api-error.ts';
import { pause, type Timing } from './timing.ts';

export interface AskedObjectsOptions<T> {
  readonly client: ApiClient;
  readonly timing: Timing;
  /** Requests, each of which may give some. */
  readonly questions: readonly ((client: ApiClient, signal: AbortSignal) => Promise<ApiOutcome<readonly T[]>>)[];
  /** How long from one round to the next, in milliseconds. */
  readonly everyMs: number;
  readonly warn: (message: string) => void;
  /** Called after `objects` shows it, when anything of it differs from before, and when it becomes known. */
  readonly changed: () => void;
}

/** After what is neither an answer nor a refusal. */
const retryMs = 60_000;

export class AskedObjects<T> {
  readonly #options: AskedObjectsOptions<T>;
  readonly #stop = new AbortController();
  /** One for each question: what was told last; null = nothing yet, or it may not be asked. */
  readonly #answers: (readonly T[] | null)[];
  #failed = false;
  #heardAt: number;
  #trouble: string | null = 'not asked yet';

  constructor(options: AskedObjectsOptions<T>) {
    this.#options = options;
    this.#answers = options.questions.map(() => null);
    this.#heardAt = options.timing.monotonic();
  }

  get objects(): readonly T[] {
    return this.#answers.flatMap((answer) => answer ?? []);
  }

  /** Fresh when the last round answered everything. What of it was answered before stands in `objects` meanwhile. */
  health(): WatchHealth {
    const ageMs = this.#options.timing.monotonic() - this.#heardAt;
    return { fresh: this.#trouble === null, because: this.#trouble, ageMs };
  }

  /** Asks until `stop`. Never rejects. */
  async run(): Promise<void> {
    const { timing, everyMs } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.#round();
      await pause(timing, this.#failed ? Math.min(everyMs, retryMs) : everyMs, this.#stop.signal);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #round(): Promise<void> {
    const { client, questions, timing, warn, changed } = this.#options;
    const before = JSON.stringify(this.#answers) + String(this.#trouble);
    const troubles: ApiError[] = [];
    const refusals: ApiError[] = [];
    for (const [at, question] of questions.entries()) {
      const answer = await question(client, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      if (answer.ok) this.#answers[at] = answer.value;
      else if (answer.error.status === 404) this.#answers[at] = [];
      else if (answer.error.status === 403) {
        this.#answers[at] = null;
        refusals.push(answer.error);
      } else troubles.push(answer.error);
    }
    const [first] = [...troubles, ...refusals];
    const trouble = first === undefined ? null : apiErrorText(first);
    this.#failed = troubles.length > 0;
    if (troubles.length > 0 && trouble !== null && trouble !== this.#trouble) warn(trouble);
    this.#trouble = trouble;
    if (trouble === null) this.#heardAt = timing.monotonic();
    if (JSON.stringify(this.#answers) + String(this.#trouble) !== before) changed();
  }
}
