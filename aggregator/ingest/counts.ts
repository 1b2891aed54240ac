/** What ingest counts since its start; aggregator/ingest/figures.ts tells it. */

/** A count per word. The words are fixed by the code, never by a node. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(word: string, by = 1): void {
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + by);
  }

  of(word: string): number {
    return this.#counts.get(word) ?? 0;
  }

  entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1));
  }
}

export class IngestCounts {
  readonly messages = new Tally();
  /** Streams, connections and messages that were refused, by why. */
  readonly refused = new Tally();
  /** Parts that did not fit their form, by part. */
  readonly misfits = new Tally();
  /** Content that nobody had asked for, or not any more. */
  unwanted = 0;
  bytes = 0;
  replays = 0;
  gaps = 0;
  resyncs = 0;
  wants = 0;
  reports = 0;
  identityMismatches = 0;
}
