/** Leaves of many nodes in one process: each is kept once, as long as a node has it. */
import { type Leaf, leafOf } from '../../../proto/bucket-tree.ts';
import type { Entry, FrontendKey } from '../../../proto/forwarding.ts';

export class LeafPool {
  readonly #leaves = new Map<string, WeakRef<Leaf>>();
  readonly #gone = new FinalizationRegistry<string>((digest) => {
    if (this.#leaves.get(digest)?.deref() === undefined) this.#leaves.delete(digest);
  });

  /** The known leaf of these entries, or a new one. */
  leafOf(entries: ReadonlyMap<FrontendKey, Entry>): Leaf {
    const leaf = leafOf(entries);
    const known = this.#leaves.get(leaf.digest)?.deref();
    if (known !== undefined) return known;
    this.#leaves.set(leaf.digest, new WeakRef(leaf));
    this.#gone.register(leaf, leaf.digest);
    return leaf;
  }
}
