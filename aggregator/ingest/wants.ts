/**
 * Who is asked for what the aggregator lacks. Each digest is asked of one node only, and only so many nodes are asked
 * at once: the others wait for their turn, and by then most of what they lacked has come from somebody else.
 */

/** One stream, as far as it lacks content. */
export interface Asker {
  /** It has a turn: it answers with `need`, or `leave` when it lacks nothing any more. */
  takeTurn(): void;
  /** Asks its agent for these. */
  ask(digests: readonly string[]): void;
  /** Something that it said it needs is in the store now. */
  arrived(digest: string): void;
  /** Its agent does not answer. It has lost its turn. */
  stalled(): void;
  /** Nothing has been reported of its node since it began: it may lack everything. */
  readonly isNew: boolean;
}

interface Turn {
  readonly needs: Set<string>;
  readonly asked: Set<string>;
  readonly since: number;
  progressAt: number;
}

export interface WantsOptions {
  /** Nodes that have a turn at once. */
  readonly slots: number;
  readonly monotonic: () => number;
  /** Whether this one may have a turn at all; the others go first. */
  readonly mayBegin: (asker: Asker) => boolean;
  /** Runs something when other work had its chance. */
  readonly defer: (run: () => void) => void;
}

/** Digests that one agent is asked for at a time: a leaf takes a few kilobytes. */
const openPerAsker = 256;
const stallMs = 30_000;
/** So long others wait for one that has a turn. */
const longestTurnMs = 60_000;
const turnsAtOnce = 64;

export class Wants {
  readonly #options: WantsOptions;
  readonly #turns = new Map<Asker, Turn>();
  readonly #queue = new Set<Asker>();
  readonly #askedOf = new Map<string, Asker>();
  #isFilling = false;

  constructor(options: WantsOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#askedOf.size;
  }

  get turns(): number {
    return this.#turns.size;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  has(asker: Asker): boolean {
    return this.#turns.has(asker) || this.#queue.has(asker);
  }

  /** Whether it stands in line and may not have a turn now. */
  isHeld(asker: Asker): boolean {
    return this.#queue.has(asker) && !this.#options.mayBegin(asker);
  }

  /** Whether its agent is asked for anything now. */
  isAsked(asker: Asker): boolean {
    return (this.#turns.get(asker)?.asked.size ?? 0) > 0;
  }

  /** Stands in line for a turn; it may come at once. */
  join(asker: Asker): void {
    if (this.has(asker)) return;
    this.#queue.add(asker);
    this.#fill();
  }

  /** Gives its turn or its place in line back; what it was asked for is asked of others who need it. */
  leave(asker: Asker): void {
    this.#queue.delete(asker);
    const turn = this.#turns.get(asker);
    if (turn === undefined) return;
    this.#turns.delete(asker);
    for (const digest of turn.asked) this.#askedOf.delete(digest);
    if (turn.asked.size > 0) for (const other of this.#turns.keys()) this.#askMore(other);
    this.#fill();
  }

  /** What one that has a turn lacks, in place of what it said before. */
  need(asker: Asker, digests: readonly string[]): void {
    const turn = this.#turns.get(asker);
    if (turn === undefined) return;
    const needs = new Set(digests);
    const dropped = [...turn.asked].filter((digest) => !needs.has(digest));
    turn.needs.clear();
    for (const digest of needs) turn.needs.add(digest);
    for (const digest of dropped) this.#settle(asker, turn, digest);
    this.#askMore(asker);
    if (dropped.length > 0) for (const other of this.#turns.keys()) this.#askMore(other);
  }

  /** The content of a digest is in the store. */
  arrived(digest: string): void {
    const now = this.#options.monotonic();
    for (const [asker, turn] of [...this.#turns]) {
      if (!turn.needs.delete(digest)) continue;
      if (this.#askedOf.get(digest) === asker) turn.progressAt = now;
      this.#settle(asker, turn, digest);
      asker.arrived(digest);
      // Sending the next ones early keeps the agent busy.
      if (turn.asked.size < openPerAsker / 4) this.#askMore(asker);
    }
  }

  /** Ends turns that make no progress, and those that others have waited for long enough; gives those that are free. */
  tick(): void {
    const now = this.#options.monotonic();
    for (const [asker, turn] of [...this.#turns]) {
      if (turn.asked.size > 0 && now - turn.progressAt >= stallMs) {
        this.leave(asker);
        asker.stalled();
      } else if (now - turn.since >= longestTurnMs && this.#queue.size > 0) {
        this.leave(asker);
        this.join(asker);
      }
    }
    this.#fill();
  }

  #settle(asker: Asker, turn: Turn, digest: string): void {
    turn.asked.delete(digest);
    if (this.#askedOf.get(digest) === asker) this.#askedOf.delete(digest);
  }

  #askMore(asker: Asker): void {
    const turn = this.#turns.get(asker);
    if (turn === undefined) return;
    const batch: string[] = [];
    for (const digest of turn.needs) {
      if (turn.asked.size >= openPerAsker) break;
      if (this.#askedOf.has(digest)) continue;
      this.#askedOf.set(digest, asker);
      turn.asked.add(digest);
      batch.push(digest);
    }
    if (batch.length === 0) return;
    if (turn.asked.size === batch.length) turn.progressAt = this.#options.monotonic();
    asker.ask(batch);
  }

  /** A turn may end at once, which calls this again: the loop that runs already goes on then. */
  #fill(): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    let given = 0;
    for (const asker of this.#queue) {
      if (this.#turns.size >= this.#options.slots || given === turnsAtOnce) break;
      if (!this.#options.mayBegin(asker)) continue;
      given++;
      this.#queue.delete(asker);
      const now = this.#options.monotonic();
      this.#turns.set(asker, { needs: new Set(), asked: new Set(), since: now, progressAt: now });
      asker.takeTurn();
    }
    this.#isFilling = false;
    if (given === turnsAtOnce && this.#queue.size > 0) this.#options.defer(() => this.#fill());
  }
}
