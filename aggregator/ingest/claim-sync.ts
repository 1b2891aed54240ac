/** Fetches what a node's newest State names and the store lacks, until its report can be made. */
import type { PartName } from '../../proto/parts.ts';
import type { Claims } from './claims.ts';
import type { ContentStore, KeptTree } from './content-store.ts';
import type { Asker, Wants } from './wants.ts';

export interface SyncOutlet {
  /** Asks the agent for these. */
  ask(digests: readonly string[]): void;
  /** Everything is in the store; null = the node has no table. */
  whole(tree: KeptTree | null): void;
  /** What it lacks is not asked for now, because memory is short. */
  held(): void;
  /** The agent was asked and does not answer. */
  stalled(): void;
  /** What the node says cannot be. */
  misfit(message: string): void;
}

const nothing: ReadonlySet<string> = new Set();

export class ClaimSync implements Asker {
  readonly #store: ContentStore;
  readonly #wants: Wants;
  readonly #outlet: SyncOutlet;
  #claims: Claims | null = null;
  #lacks = new Set<string>();
  /** Parts whose content the agent sends without being asked. */
  #pushed = nothing;
  /** What came since the State did: what is asked for twice leads nowhere. */
  #came = new Set<string>();
  #isAbandoned = false;
  #isNew = true;
  #isHeld = false;

  constructor(store: ContentStore, wants: Wants, outlet: SyncOutlet) {
    this.#store = store;
    this.#wants = wants;
    this.#outlet = outlet;
  }

  /** The agent said that it does not hold any more what it was asked for. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Nothing was whole since the last State that told everything. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Whether the agent is asked for anything now. */
  get isAsked(): boolean {
    return this.#wants.isAsked(this);
  }

  /** Whether this digest is among what the newest State needs and the store lacks. */
  lacks(digest: string): boolean {
    return this.#lacks.has(digest);
  }

  /** Begins with a new State; what the one before lacked is forgotten. @param isWhole the State told everything. */
  begin(claims: Claims, pushed: ReadonlySet<string>, isWhole: boolean): void {
    this.#isNew ||= isWhole;
    this.#claims = claims;
    this.#pushed = pushed;
    this.#came = new Set();
    this.#isAbandoned = false;
    this.#goOn();
  }

  /** The content of a digest is in the store. */
  arrived(digest: string): void {
    if (!this.#lacks.delete(digest)) return;
    this.#came.add(digest);
    if (this.#lacks.size === 0) this.#goOn();
  }

  /** What should have been pushed by now is asked for. */
  askForPushed(): void {
    if (this.#pushed.size === 0 || this.#lacks.size === 0) return;
    this.#pushed = nothing;
    this.#goOn();
  }

  /** A part whose change cannot be applied here is asked for as a whole. */
  askWhole(digest: string): void {
    if (!this.#lacks.has(digest)) return;
    this.#pushed = new Set([...this.#pushed].filter((pushed) => pushed !== digest));
    this.#goOn();
  }

  /** The agent does not hold these any more: it has something newer, and says so soon. */
  notHeld(digests: readonly string[]): void {
    if (!digests.some((digest) => this.#lacks.has(digest))) return;
    this.#isAbandoned = true;
    this.#wants.leave(this);
  }

  end(): void {
    this.#claims = null;
    this.#lacks.clear();
    this.#wants.leave(this);
  }

  takeTurn(): void {
    this.#goOn();
  }

  ask(digests: readonly string[]): void {
    this.#outlet.ask(digests);
  }

  stalled(): void {
    this.#outlet.stalled();
  }

  #goOn(): void {
    const claims = this.#claims;
    if (claims === null || this.#isAbandoned) return;
    const look = claims.root === null ? null : this.#store.look(claims.root);
    if (look?.kind === 'misfit') {
      this.#outlet.misfit(look.message);
      return;
    }
    this.#lacks = new Set(look?.kind === 'lacks' ? look.digests : []);
    for (const [name, digest] of claims.parts) if (this.#lacksPart(name, digest)) this.#lacks.add(digest);
    if (this.#lacks.size === 0) {
      this.#finish(look?.kind === 'whole' ? look.tree : null);
      return;
    }
    const wanted = [...this.#lacks].filter((digest) => !this.#pushed.has(digest));
    const inVain = wanted.find((digest) => this.#came.has(digest));
    if (inVain !== undefined) {
      this.#outlet.misfit(`bucket ${inVain} is used as what it is not`);
      return;
    }
    if (wanted.length === 0) {
      this.#wants.leave(this);
      return;
    }
    this.#wants.join(this);
    this.#tellHeld();
    this.#wants.need(this, wanted);
  }

  /** Once until something is whole. */
  #tellHeld(): void {
    if (this.#isHeld || !this.#wants.isHeld(this)) return;
    this.#isHeld = true;
    this.#outlet.held();
  }

  #lacksPart(name: PartName, digest: string): boolean {
    return this.#store.part(name, digest) === null;
  }

  #finish(tree: KeptTree | null): void {
    this.#claims = null;
    this.#isNew = false;
    this.#isHeld = false;
    this.#wants.leave(this);
    this.#outlet.whole(tree);
  }
}
