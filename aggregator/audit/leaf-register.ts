/** The leaves and trees of all desired tables, each kept once however many tables it is in. */
import type { Leaf, TreeDigests } from '../../proto/bucket-tree.ts';
import { emptyLeaf, leafDigestOf } from '../../proto/bucket-tree.ts';
import { forwardingText } from '../../proto/canonical.ts';
import type { Entry, Forwarding, FrontendKey } from '../../proto/forwarding.ts';
import type { KnownLeaves } from '../model/feeds.ts';

interface Held<T> {
  readonly one: T;
  holders: number;
}

export class LeafRegister implements KnownLeaves {
  readonly #leaves = new Map<string, Held<Leaf>>();
  readonly #trees = new Map<string, Held<TreeDigests>>();
  /** Forwardings are in words far more often than they change. */
  readonly #texts = new WeakMap<Forwarding, string>();

  get size(): number {
    return this.#leaves.size;
  }

  /** A leaf of these entries, which nobody may change any more: the known one where there is one. Release it once. */
  hold(entries: ReadonlyMap<FrontendKey, Entry>): Leaf {
    if (entries.size === 0) return emptyLeaf;
    const digest = leafDigestOf(entries, (forwarding) => this.#textOf(forwarding));
    return held(this.#leaves, digest, { digest, entries });
  }

  release({ digest }: Leaf): void {
    released(this.#leaves, digest);
  }

  /** Keeps a tree until it is released. */
  holdTree(tree: TreeDigests): void {
    held(this.#trees, tree.root, tree);
  }

  releaseTree({ root }: TreeDigests): void {
    released(this.#trees, root);
  }

  leaf(digest: string): Leaf | null {
    return digest === emptyLeaf.digest ? emptyLeaf : (this.#leaves.get(digest)?.one ?? null);
  }

  tree(root: string): TreeDigests | null {
    return this.#trees.get(root)?.one ?? null;
  }

  #textOf(forwarding: Forwarding): string {
    const known = this.#texts.get(forwarding);
    if (known !== undefined) return known;
    const text = forwardingText(forwarding);
    this.#texts.set(forwarding, text);
    return text;
  }
}

function held<T>(all: Map<string, Held<T>>, digest: string, one: T): T {
  const known = all.get(digest);
  if (known === undefined) {
    all.set(digest, { one, holders: 1 });
    return one;
  }
  known.holders++;
  return known.one;
}

function released<T>(all: Map<string, Held<T>>, digest: string): void {
  const known = all.get(digest);
  if (known === undefined) return;
  known.holders--;
  if (known.holders === 0) all.delete(digest);
}
