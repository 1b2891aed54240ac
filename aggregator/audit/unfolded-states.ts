/** Past states that are worked out just now: nodes that lag all ask for the same few. */

/** What can be worked out again, and takes room until it is folded. */
export interface Foldable {
  readonly weight: number;
  fold(): void;
}

export class UnfoldedStates {
  readonly #mostWeight: number;
  readonly #states = new Set<Foldable>();
  #weight = 0;

  constructor(mostWeight: number) {
    this.#mostWeight = mostWeight;
  }

  /** This state is worked out, and was asked for now; those that were asked for longest ago are folded for its sake. */
  add(state: Foldable): void {
    if (this.#states.delete(state)) this.#weight -= state.weight;
    this.#states.add(state);
    this.#weight += state.weight;
    for (const oldest of this.#states) {
      if (this.#weight <= this.#mostWeight || oldest === state) return;
      this.#states.delete(oldest);
      this.#weight -= oldest.weight;
      oldest.fold();
    }
  }
}
