/**
 * Questions to somebody who must not be asked too often: an answer is remembered for a while, the same question is never
 * under way twice, and only so many run or wait at once. Questions are told apart by their hashes; nothing else of them
 * is kept.
 */
import { createHash } from 'node:crypto';

export interface AskedOnceOptions<Answer> {
  /** For how long an answer is remembered, milliseconds; 0 for one that is none. */
  readonly rememberMs: (answer: Answer) => number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** As many run at once; 32 unless said. */
  readonly inFlight?: number;
  /** As many more wait; 128 unless said. */
  readonly waiting?: number;
}

export interface Question<Answer> {
  /** Equal for the same question. */
  readonly text: string;
  /** Asks. A throw reaches everybody who waits for this answer. */
  readonly ask: () => Promise<Answer>;
  /** Nothing is remembered past this, Unix milliseconds; null = no such end. */
  readonly notAfter: number | null;
}

interface Remembered<Answer> {
  readonly answer: Answer;
  readonly until: number;
}

const mostRemembered = 20_000;

export class AskedOnce<Answer> {
  readonly #options: AskedOnceOptions<Answer>;
  readonly #remembered = new Map<string, Remembered<Answer>>();
  readonly #running = new Map<string, Promise<Answer>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(options: AskedOnceOptions<Answer>) {
    this.#options = options;
    this.#free = options.inFlight ?? 32;
  }

  /** Questions that run or wait. */
  get pending(): number {
    return this.#running.size;
  }

  /** What is remembered of a question; undefined when it would have to be asked. */
  remembered(text: string): Answer | undefined {
    const known = this.#remembered.get(hashOf(text));
    return known !== undefined && known.until > this.#options.now() ? known.answer : undefined;
  }

  /** The answer, remembered or new; `busy` when too many wait already. */
  async answer({ text, ask, notAfter }: Question<Answer>): Promise<Answer | 'busy'> {
    const known = this.remembered(text);
    if (known !== undefined) return known;
    const key = hashOf(text);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    if (this.#free === 0 && this.#waiting.length >= (this.#options.waiting ?? 128)) return 'busy';
    const asked = this.#ask(ask).finally(() => this.#running.delete(key));
    this.#running.set(key, asked);
    const answer = await asked;
    this.#remember(key, answer, notAfter);
    return answer;
  }

  /** Forgets every answer that this is true of. */
  forget(isVoid: (answer: Answer) => boolean): void {
    for (const [key, { answer }] of this.#remembered) if (isVoid(answer)) this.#remembered.delete(key);
  }

  async #ask(ask: () => Promise<Answer>): Promise<Answer> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await ask();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #remember(key: string, answer: Answer, notAfter: number | null): void {
    const now = this.#options.now();
    const most = now + this.#options.rememberMs(answer);
    const until = Math.min(most, notAfter ?? most);
    this.#remembered.delete(key);
    if (until <= now) return;
    this.#remembered.set(key, { answer, until });
    // Oldest first: a map keeps the order of insertion.
    for (const [oldest, { until: end }] of this.#remembered) {
      if (end > now && this.#remembered.size <= mostRemembered) break;
      this.#remembered.delete(oldest);
    }
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
