/**
 * The difference of two tables that are kept as buckets. Buckets of one digest say the same; of the others the
 * difference is worked out once, however many nodes show it.
 */
import type { BucketTable, Leaf } from '../../proto/bucket-tree.ts';
import { emptyLeaf } from '../../proto/bucket-tree.ts';
import type { Drift } from '../model/drift.ts';
import { drift } from './drift.ts';

/** Differences of pairs of buckets, the ones used last. */
export class DriftMemo {
  readonly #most: number;
  readonly #drifts = new Map<string, readonly Drift[]>();

  /** @param most pairs that are remembered. */
  constructor(most = 20_000) {
    this.#most = most;
  }

  get size(): number {
    return this.#drifts.size;
  }

  /** The difference of two buckets; the very same list for equal pairs as long as it is remembered. */
  driftOf(desired: Leaf, observed: Leaf): readonly Drift[] {
    const pair = desired.digest + observed.digest;
    const drifts = this.#drifts.get(pair) ?? drift(desired.entries, observed.entries);
    this.#drifts.delete(pair);
    this.#drifts.set(pair, drifts);
    if (this.#drifts.size > this.#most) {
      const [oldest] = this.#drifts.keys();
      if (oldest !== undefined) this.#drifts.delete(oldest);
    }
    return drifts;
  }
}

/** Whether an entry of a bucket is unknown for some origin: such a one is in no state at all, not even an equal one. */
const unknowns = new WeakMap<Leaf, boolean>();

/**
 * What drift() says of two tables, bucket after bucket.
 * @returns one drift per frontend that differs; empty when both say the same.
 */
export function tableDrift(desired: BucketTable, observed: BucketTable, memo: DriftMemo): readonly Drift[] {
  const drifts: Drift[] = [];
  for (let index = 0; index < desired.leaves.length; index++) {
    const wanted = desired.leaves[index] ?? emptyLeaf;
    const real = observed.leaves[index] ?? emptyLeaf;
    if (wanted.digest === real.digest && !holdsUnknown(wanted)) continue;
    drifts.push(...memo.driftOf(wanted, real));
  }
  return drifts;
}

function holdsUnknown(leaf: Leaf): boolean {
  const known = unknowns.get(leaf);
  if (known !== undefined) return known;
  let found = false;
  for (const { forwarding } of leaf.entries.values()) {
    const { pod, node, outside } = forwarding;
    found ||= [pod, node, outside].some(({ route }) => route.action === 'unknown');
  }
  unknowns.set(leaf, found);
  return found;
}
