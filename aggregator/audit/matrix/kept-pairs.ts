/**
 * The pairs of a matrix that are shown, the worst of them, however many there are: a large cluster has millions, most of
 * them allowed.
 */
import type { MatrixPair } from '../../model/matrix.ts';

/** So many pairs are kept. */
const mostPairs = 100_000;

export class KeptPairs {
  readonly #most: number;
  readonly #byRank: readonly MatrixPair[][] = [[], [], [], []];
  /** Those that probes made, the first one last. */
  readonly #observed: MatrixPair[];
  #total = 0;

  /** @param observed in any order. */
  constructor(observed: readonly MatrixPair[], most = mostPairs) {
    this.#observed = observed.toSorted((one, other) => byName(other, one));
    this.#most = most;
  }

  /** How many there were. */
  get total(): number {
    return this.#total + this.#observed.length;
  }

  /** Whether there is room for pairs of this rank. */
  readonly isWanted = (rank: 0 | 1 | 2 | 3): boolean => (this.#byRank[rank]?.length ?? 0) < this.#most;

  /** @param row behind those that were added before, by name. */
  addRow({ pairs, left }: { readonly pairs: readonly MatrixPair[]; readonly left: number }): void {
    this.#total += left;
    for (const pair of pairs) this.#add(pair);
  }

  #add(pair: MatrixPair): void {
    for (let next = this.#observed.at(-1); next !== undefined && byName(next, pair) < 0; next = this.#observed.at(-1)) {
      this.#observed.pop();
      this.#keep(next);
    }
    this.#keep(pair);
  }

  /** Those that differ first, then those denied, then those not known, each by name; as many as there is room for. */
  sorted(): readonly MatrixPair[] {
    for (let next = this.#observed.pop(); next !== undefined; next = this.#observed.pop()) this.#keep(next);
    const [first, ...others] = this.#byRank;
    return (first ?? []).concat(...others).slice(0, this.#most);
  }

  #keep(pair: MatrixPair): void {
    this.#total++;
    const alike = this.#byRank[rankOf(pair)];
    if (alike !== undefined && alike.length < this.#most) alike.push(pair);
  }
}

/** 0 a probe differs, 1 denied, 2 not known, 3 allowed. */
export function rankOf({ allowed, observed }: MatrixPair): 0 | 1 | 2 | 3 {
  return observed?.differs === true ? 0 : rankOfAllowed(allowed);
}

/** Of pairs that nobody observed. */
export function rankOfAllowed(allowed: boolean | null): 1 | 2 | 3 {
  return allowed === false ? 1 : allowed === null ? 2 : 3;
}

function byName(one: MatrixPair, other: MatrixPair): number {
  return (
    compare(one.from, other.from) ||
    compare(one.to, other.to) ||
    compare(one.protocol, other.protocol) ||
    (one.ports[0] ?? 0) - (other.ports[0] ?? 0)
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
