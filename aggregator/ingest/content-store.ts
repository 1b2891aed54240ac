/**
 * Everything that agents have uploaded, by digest, kept once for all nodes: leaves and inner buckets of tables, and
 * parts. What a digest stands for is checked before it gets here, so no node can put words into another's mouth; only
 * owner hints are in no digest, and they are shown, never trusted.
 */
import {
  BucketTable,
  childrenDigest,
  emptyLeaf,
  type Leaf,
  leafIndexOf,
  type TreeDigests,
} from '../../proto/bucket-tree.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { PartName } from '../../proto/parts.ts';
import type { LeafChange } from '../../proto/wire/changes.ts';
import type { HintedLeaf } from '../../proto/wire/leaf.ts';
import type { KnownLeaves } from '../model/feeds.ts';
import { KeptPart } from './kept-part.ts';

const fanout = 32;

/** A leaf, with the owners that rules claim for its frontends. */
class KeptLeaf implements Leaf {
  readonly digest: string;
  readonly entries: Leaf['entries'];
  readonly hints: HintedLeaf['hints'];
  /** The last sweep that found it in use. */
  usedIn = 0;

  constructor({ leaf, hints }: HintedLeaf) {
    this.digest = leaf.digest;
    this.entries = leaf.entries;
    this.hints = hints;
  }
}

/** The root or an inner bucket. An inner one holds its leaves as soon as all of them are known. */
class Branch {
  readonly digest: string;
  readonly children: readonly string[];
  leaves: readonly KeptLeaf[] | null = null;
  usedIn = 0;

  constructor(digest: string, children: readonly string[]) {
    this.digest = digest;
    this.children = children;
  }
}

/** A table of which everything is known. Nodes whose tables are alike share it. */
export interface KeptTree {
  readonly root: string;
  readonly table: BucketTable;
  readonly ownerHint: (key: string) => string | null;
}

/** With its inner buckets at hand: a sweep passes by all of them. */
interface WholeTree extends KeptTree {
  readonly branches: readonly Branch[];
}

/** What the store knows of one table. */
export type TreeLook =
  | { readonly kind: 'whole'; readonly tree: KeptTree }
  /** Never empty. Where inner buckets lack, further ones may be named once those are there. */
  | { readonly kind: 'lacks'; readonly digests: readonly string[] }
  /** A bucket lies where none of its entries belongs. */
  | { readonly kind: 'misfit'; readonly message: string };

const noHints: HintedLeaf['hints'] = new Map();

export class ContentStore {
  readonly #known: KnownLeaves;
  readonly #leaves = new Map<string, KeptLeaf>();
  readonly #branches = new Map<string, Branch>();
  readonly #trees = new Map<string, WholeTree>();
  readonly #parts = new Map<string, KeptPart>();
  readonly #empty = new KeptLeaf({ leaf: emptyLeaf, hints: noHints });
  #sweeps = 0;

  constructor(known: KnownLeaves) {
    this.#known = known;
  }

  sizes(): { readonly leaves: number; readonly branches: number; readonly trees: number; readonly parts: number } {
    return {
      leaves: this.#leaves.size,
      branches: this.#branches.size,
      trees: this.#trees.size,
      parts: this.#parts.size,
    };
  }

  addLeaf(hinted: HintedLeaf): void {
    if (!this.#leaves.has(hinted.leaf.digest)) this.#leaves.set(hinted.leaf.digest, new KeptLeaf(hinted));
  }

  addChildren(digest: string, children: readonly string[]): void {
    if (!this.#branches.has(digest)) this.#branches.set(digest, new Branch(digest, children));
  }

  /** The table of this root, or what lacks of it. */
  look(root: string): TreeLook {
    const whole = this.#trees.get(root);
    if (whole !== undefined) return { kind: 'whole', tree: whole };
    const top = this.#branches.get(root) ?? this.#predicted(root);
    if (top === null) return { kind: 'lacks', digests: [root] };
    const lacks = new Set<string>();
    const branches: Branch[] = [];
    const leaves: KeptLeaf[] = [];
    for (const child of top.children) {
      const branch = this.#branches.get(child);
      if (branch === undefined) lacks.add(child);
      else if (this.#isWhole(branch, lacks)) leaves.push(...(branch.leaves ?? []));
      if (branch !== undefined) branches.push(branch);
    }
    if (lacks.size > 0) return { kind: 'lacks', digests: [...lacks] };
    const strayed = leaves.findIndex((leaf, index) => !belongsAt(leaf, index));
    if (strayed >= 0) return { kind: 'misfit', message: `leaf ${leaves[strayed]?.digest} lies at ${strayed}` };
    const tree = { ...treeOfLeaves(root, leaves), branches };
    this.#trees.set(root, tree);
    return { kind: 'whole', tree };
  }

  /**
   * Notes the buckets of a table that differs from a known one in these leaves.
   * @returns `mismatch` when the changes do not lead to that root; `unknown-base` when they cannot be applied.
   */
  change(base: string, changes: readonly LeafChange[], root: string): 'applied' | 'mismatch' | 'unknown-base' {
    if (this.#trees.has(root) || this.#branches.has(root)) return 'applied';
    const top = this.#branches.get(base);
    if (top === undefined) return 'unknown-base';
    const changed = new Map<number, string[]>();
    for (const { index, digest } of changes) {
      const inner = Math.floor(index / fanout);
      const row = changed.get(inner) ?? this.#branches.get(top.children[inner] ?? '')?.children.slice();
      if (row === undefined) return 'unknown-base';
      row[index % fanout] = digest;
      changed.set(inner, row);
    }
    const children = [...top.children];
    for (const [inner, row] of changed) children[inner] = childrenDigest(row);
    if (childrenDigest(children) !== root) return 'mismatch';
    for (const [inner, row] of changed) this.addChildren(children[inner] ?? '', row);
    this.addChildren(root, children);
    return 'applied';
  }

  part(name: PartName, digest: string): KeptPart | null {
    return this.#parts.get(partKey(name, digest)) ?? null;
  }

  /** Keeps a part whose JSON has this digest. */
  addPart(name: PartName, digest: string, json: string): KeptPart {
    const known = this.part(name, digest);
    if (known !== null) return known;
    const part = new KeptPart(name, digest, json);
    this.#parts.set(partKey(name, digest), part);
    return part;
  }

  /** Forgets what none of these tables and parts holds. */
  sweep(roots: Iterable<string>, parts: Iterable<readonly [PartName, string]>): void {
    this.#sweeps++;
    for (const root of roots) this.#mark(root);
    for (const [name, digest] of parts) {
      const part = this.part(name, digest);
      if (part !== null) part.usedIn = this.#sweeps;
    }
    const isUnused = ({ usedIn }: { readonly usedIn: number }) => usedIn !== this.#sweeps;
    for (const [digest, leaf] of this.#leaves) if (isUnused(leaf)) this.#leaves.delete(digest);
    for (const [key, part] of this.#parts) if (isUnused(part)) this.#parts.delete(key);
    for (const [digest, branch] of this.#branches) {
      if (!isUnused(branch)) continue;
      this.#branches.delete(digest);
      this.#trees.delete(digest);
    }
  }

  #mark(root: string): void {
    const top = this.#branches.get(root);
    if (top === undefined || top.usedIn === this.#sweeps) return;
    top.usedIn = this.#sweeps;
    const known = this.#trees.get(root)?.branches ?? top.children.map((child) => this.#branches.get(child));
    for (const branch of known) {
      if (branch === undefined || branch.usedIn === this.#sweeps) continue;
      branch.usedIn = this.#sweeps;
      const leaves = branch.leaves ?? branch.children.map((digest) => this.#leaves.get(digest));
      for (const leaf of leaves) if (leaf !== undefined) leaf.usedIn = this.#sweeps;
    }
  }

  /** The buckets of a table that the engine expects on some node. */
  #predicted(root: string): Branch | null {
    const tree: TreeDigests | null = this.#known.tree(root);
    if (tree === null) return null;
    for (const [index, digest] of tree.inner.entries()) {
      this.addChildren(digest, tree.leaves.slice(index * fanout, (index + 1) * fanout));
    }
    this.addChildren(root, tree.inner);
    return this.#branches.get(root) ?? null;
  }

  /** Whether all leaves of an inner bucket are known; those that are not are added to what lacks. */
  #isWhole(branch: Branch, lacks: Set<string>): boolean {
    if (branch.leaves !== null) return true;
    const leaves: KeptLeaf[] = [];
    for (const digest of branch.children) {
      const leaf = this.#leaf(digest);
      if (leaf === null) lacks.add(digest);
      else leaves.push(leaf);
    }
    if (leaves.length < fanout) return false;
    branch.leaves = leaves;
    return true;
  }

  #leaf(digest: string): KeptLeaf | null {
    if (digest === emptyLeaf.digest) return this.#empty;
    const kept = this.#leaves.get(digest);
    if (kept !== undefined) return kept;
    const known = this.#known.leaf(digest);
    if (known === null) return null;
    const leaf = new KeptLeaf({ leaf: known, hints: noHints });
    this.#leaves.set(digest, leaf);
    return leaf;
  }
}

/** All keys of a leaf fall into one, which was checked when it was read: so the first speaks for all. */
function belongsAt({ entries }: Leaf, index: number): boolean {
  for (const key of entries.keys()) return leafIndexOf(key) === index;
  return true;
}

function treeOfLeaves(root: string, leaves: readonly KeptLeaf[]): KeptTree {
  const hint = (key: string): string | null =>
    leaves[leafIndexOf(key as FrontendKey)]?.hints.get(key as FrontendKey) ?? null;
  return { root, table: new BucketTable(leaves), ownerHint: hint };
}

function partKey(name: PartName, digest: string): string {
  return `${name} ${digest}`;
}
