/**
 * A forwarding table as a tree of 32 x 32 buckets, each known by the digest of what is in it. Equal tables have equal
 * roots, and two tables that differ in one entry differ in one leaf: so finding a difference among 30,000 entries takes
 * three comparisons, and what two nodes have alike is sent, kept and judged once.
 *
 *     root ── 32 inner ── 32 leaves each ── the entries whose key falls there
 */
import { digest, forwardingText } from './canonical.ts';
import type { Entry, Forwarding, ForwardingTable, FrontendKey } from './forwarding.ts';

const fanout = 32;
export const leafCount = fanout * fanout;

/** One bucket with its entries, by key. Never changed once made. */
export interface Leaf {
  readonly digest: string;
  readonly entries: ReadonlyMap<FrontendKey, Entry>;
}

/** The digests of a tree; `inner` and `leaves` in the order of their indices. */
export interface TreeDigests {
  readonly root: string;
  readonly inner: readonly string[];
  readonly leaves: readonly string[];
}

/** The leaf that a key falls into: ten bits of FNV-1a, since a bucket need not be secret, only the same everywhere. */
export function leafIndexOf(key: FrontendKey): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return ((hash >>> 16) ^ hash) & (leafCount - 1);
}

/** The digest of a leaf: of its entries' canonical texts, sorted by key. */
export function leafDigestOf(entries: ReadonlyMap<FrontendKey, Entry>, text = forwardingText): string {
  const lines: string[] = [];
  for (const key of [...entries.keys()].sort()) {
    const entry = entries.get(key);
    if (entry !== undefined) lines.push(`${key}\n${text(entry.forwarding)}`);
  }
  return digest(lines.join('\n'));
}

/** A leaf of these entries. */
export function leafOf(entries: ReadonlyMap<FrontendKey, Entry>): Leaf {
  return entries.size === 0 ? emptyLeaf : { digest: leafDigestOf(entries), entries };
}

export const emptyLeaf: Leaf = { digest: leafDigestOf(new Map()), entries: new Map() };

/** All leaves of a table, in the order of their indices. */
export function leavesOf(table: ForwardingTable): readonly Leaf[] {
  const buckets: Map<FrontendKey, Entry>[] = Array.from({ length: leafCount }, () => new Map());
  for (const [key, entry] of table) buckets[leafIndexOf(key)]?.set(key, entry);
  // Entries of one Service share their forwardings: each is put into words once.
  const texts = new Map<Forwarding, string>();
  const textOf = (forwarding: Forwarding): string => {
    const known = texts.get(forwarding);
    if (known !== undefined) return known;
    const text = forwardingText(forwarding);
    texts.set(forwarding, text);
    return text;
  };
  return buckets.map((entries) =>
    entries.size === 0 ? emptyLeaf : { digest: leafDigestOf(entries, textOf), entries },
  );
}

/** The digest of an inner bucket, or of the root: of its 32 children's digests, in order. */
export function childrenDigest(children: readonly string[]): string {
  return digest(children.join(''));
}

/** The digests above these 1,024 leaves. */
export function treeOf(leaves: readonly string[]): TreeDigests {
  const inner = Array.from({ length: fanout }, (_, index) =>
    childrenDigest(leaves.slice(index * fanout, (index + 1) * fanout)),
  );
  return { root: childrenDigest(inner), inner, leaves };
}

/** The leaves below one inner bucket: indices `index * 32` to `index * 32 + 31`. */
export function leavesBelow(tree: TreeDigests, innerIndex: number): readonly string[] {
  return tree.leaves.slice(innerIndex * fanout, (innerIndex + 1) * fanout);
}

/**
 * A table that is kept as leaves. Tables of many nodes share the leaves that are alike, and looking up costs what it
 * costs in a map.
 */
export class BucketTable implements ForwardingTable {
  readonly leaves: readonly Leaf[];
  readonly size: number;

  /** @param leaves 1,024, in the order of their indices. */
  constructor(leaves: readonly Leaf[]) {
    this.leaves = leaves;
    this.size = leaves.reduce((sum, { entries }) => sum + entries.size, 0);
  }

  get(key: FrontendKey): Entry | undefined {
    return this.leaves[leafIndexOf(key)]?.entries.get(key);
  }

  has(key: FrontendKey): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[FrontendKey, Entry]> {
    for (const { entries } of this.leaves) yield* entries;
  }

  *keys(): MapIterator<FrontendKey> {
    for (const { entries } of this.leaves) yield* entries.keys();
  }

  *values(): MapIterator<Entry> {
    for (const { entries } of this.leaves) yield* entries.values();
  }

  [Symbol.iterator](): MapIterator<[FrontendKey, Entry]> {
    return this.entries();
  }

  forEach(visit: (entry: Entry, key: FrontendKey, table: ForwardingTable) => void): void {
    for (const [key, entry] of this) visit(entry, key, this);
  }
}
