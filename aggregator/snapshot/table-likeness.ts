/**
 * Which tables of a snapshot are written whole, and which as what differs from one of those: the tables of a cluster's
 * nodes are nearly alike, and 5,000 times the same 30,000 entries would be more than anybody could store.
 */
import type { Leaf } from '../../proto/bucket-tree.ts';

/** How a table is written. */
export interface Likeness {
  /** The node whose table it is held against; null = it is written whole. */
  readonly like: string | null;
  /** The buckets to write, in the order of their indices. */
  readonly indices: readonly number[];
}

/** Written whole at most: each further one is compared with all of them. */
const mostBases = 16;

export class TableLikeness {
  readonly #bases: { readonly node: string; readonly leaves: readonly Leaf[] }[] = [];

  /** @param leaves the node's table, 1,024 buckets. */
  of(node: string, leaves: readonly Leaf[]): Likeness {
    const filled = leaves.flatMap(({ entries }, index) => (entries.size > 0 ? [index] : []));
    let best: Likeness = { like: null, indices: filled };
    for (const base of this.#bases) {
      const indices = differing(leaves, base.leaves);
      if (indices.length < best.indices.length) best = { like: base.node, indices };
    }
    const isAlike = best.like !== null && best.indices.length < filled.length / 2;
    if (isAlike) return best;
    if (this.#bases.length === mostBases) return best;
    this.#bases.push({ node, leaves });
    return { like: null, indices: filled };
  }
}

function differing(leaves: readonly Leaf[], base: readonly Leaf[]): readonly number[] {
  const indices: number[] = [];
  for (let index = 0; index < leaves.length; index++) {
    if (leaves[index]?.digest !== base[index]?.digest) indices.push(index);
  }
  return indices;
}
