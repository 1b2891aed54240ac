/** One document of the API, read once for however many parts of the page show it. */
import { type Signal, signal } from '@preact/signals';
import { type Answer, get } from '../api.ts';
import { now } from '../clock.ts';
import { type LiveEvent, onEvent } from '../live.ts';
import { remember, remembered } from './memory.ts';

/** Null until the first answer. An answer that fails later leaves what was shown, with the failure beside it. */
export interface Shown<T> {
  readonly value: T | null;
  /** When it was true, by the aggregator's clock: Unix milliseconds. */
  readonly at: number;
  readonly failure: (Answer<T> & { readonly ok: false }) | null;
}

/** What no event tells, such as when a thing was seen last, is at most so old while somebody looks. */
const againMs = 15_000;

export interface Need {
  /** Whether an event may have changed it. */
  readonly touches: (event: LiveEvent) => boolean;
  /** Events within so many milliseconds are one reason to read it. */
  readonly gatherMs: number;
}

/** Lives from its first reader to its last. */
export class SharedDocument<T> {
  readonly shown: Signal<Shown<T>>;
  readonly #path: string;
  readonly #needs = new Set<Need>();
  #ending: AbortController | null = null;
  #timer: number | undefined;
  #readings = 0;
  #stop: () => void = () => {};

  constructor(path: string) {
    this.#path = path;
    this.shown = signal(remembered<Shown<T>>(path) ?? { value: null, at: 0, failure: null });
  }

  /** @returns what ends the need. */
  use(need: Need): () => void {
    this.#needs.add(need);
    if (this.#needs.size === 1) this.#start();
    return () => {
      this.#needs.delete(need);
      if (this.#needs.size === 0) this.#end();
    };
  }

  #start(): void {
    this.#ending = new AbortController();
    void this.#read();
    const unsubscribe = onEvent((event) => {
      const needs = [...this.#needs].filter(({ touches }) => event.kind === 'snapshot' || touches(event));
      if (needs.length > 0) this.#readIn(Math.min(...needs.map(({ gatherMs }) => gatherMs)));
    });
    const again = setInterval(() => {
      if (document.visibilityState === 'visible') this.#readIn(0);
    }, againMs);
    this.#stop = () => {
      unsubscribe();
      clearInterval(again);
    };
  }

  #end(): void {
    this.#stop();
    this.#ending?.abort();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #readIn(milliseconds: number): void {
    this.#timer ??= window.setTimeout(() => void this.#read(), milliseconds);
  }

  async #read(): Promise<void> {
    this.#timer = undefined;
    const reading = ++this.#readings;
    const ending = this.#ending?.signal;
    const answer = await get<T>(this.#path, ending);
    // A later reading knows better.
    if (ending?.aborted !== false || reading !== this.#readings) return;
    this.shown.value = answer.ok
      ? { value: answer.value, at: now.peek(), failure: null }
      : { ...this.shown.value, failure: answer };
    if (answer.ok) remember(this.#path, this.shown.value);
  }
}
