/** A clock that a test turns: what was to run later runs when its time comes, in order. */

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualTime {
  #now: number;
  #order = 0;
  #due: Due[] = [];

  constructor(start: string) {
    this.#now = Date.parse(start);
  }

  /** Unix ms. */
  readonly now = (): number => this.#now;

  readonly later = (ms: number, run: () => void): (() => void) => {
    const due: Due = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    // Kept sorted; few are due at once.
    let index = this.#due.length;
    while (index > 0 && isBefore(due, this.#due[index - 1])) index--;
    this.#due.splice(index, 0, due);
    return () => {
      const found = this.#due.indexOf(due);
      if (found >= 0) this.#due.splice(found, 1);
    };
  };

  /** Lets so many seconds pass. */
  pass(seconds: number): void {
    const until = this.#now + seconds * 1000;
    for (;;) {
      const [next] = this.#due;
      if (next === undefined || next.at > until) break;
      this.#due.shift();
      this.#now = next.at;
      next.run();
    }
    this.#now = until;
  }
}

function isBefore(a: Due, b: Due | undefined): boolean {
  return b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
}
