import { describe, expect, it } from 'vitest';
import { nothingKnown } from '../../test/ingest-by-hand.ts';
import { everyone, forwardTo, type Row, table } from '../../test/view-builders.ts';
import { leavesBelow, leavesOf, treeOf } from '../../proto/bucket-tree.ts';
import { digest } from '../../proto/canonical.ts';
import { ContentStore } from './content-store.ts';

const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080'))];
const dns: Row = ['udp 10.96.0.10:53', everyone(forwardTo('10.244.1.3:53'))];

/** Puts a table into the store, as uploads would. */
function add(store: ContentStore, rows: readonly Row[]): string {
  const leaves = leavesOf(table(rows));
  const tree = treeOf(leaves.map((leaf) => leaf.digest));
  store.addChildren(tree.root, tree.inner);
  for (const [index, inner] of tree.inner.entries()) store.addChildren(inner, leavesBelow(tree, index));
  for (const leaf of leaves) if (leaf.entries.size > 0) store.addLeaf({ leaf, hints: new Map() });
  return tree.root;
}

describe('a sweep', () => {
  it('keeps what some node has, and forgets the rest', () => {
    const store = new ContentStore(nothingKnown);
    const kept = add(store, [web]);
    const gone = add(store, [web, dns]);
    store.addPart('links', digest('a'), '{"state":"failed","reason":"a"}');
    store.addPart('routes', digest('a'), '{"state":"failed","reason":"a"}');
    expect(store.look(kept).kind).toBe('whole');
    expect(store.look(gone).kind).toBe('whole');
    expect(store.sizes()).toMatchObject({ leaves: 2, trees: 2, parts: 2 });
    store.sweep([kept], [['links', digest('a')]]);
    expect(store.sizes()).toMatchObject({ leaves: 1, trees: 1, parts: 1 });
    expect(store.look(gone)).toEqual({ kind: 'lacks', digests: [gone] });
    expect(store.part('routes', digest('a'))).toBeNull();
    const look = store.look(kept);
    expect(look.kind === 'whole' && new Map([...look.tree.table])).toEqual(table([web]));
  });

  it('keeps what has come of a table that is not whole yet', () => {
    const store = new ContentStore(nothingKnown);
    const leaves = leavesOf(table([web]));
    const tree = treeOf(leaves.map((leaf) => leaf.digest));
    store.addChildren(tree.root, tree.inner);
    for (const [index, inner] of tree.inner.entries()) store.addChildren(inner, leavesBelow(tree, index));
    store.sweep([tree.root], []);
    const [lacking] = leaves.filter(({ entries }) => entries.size > 0);
    expect(store.look(tree.root)).toEqual({ kind: 'lacks', digests: [lacking?.digest] });
  });
});

describe('a table that differs from a known one', () => {
  it('shares every bucket that does not', () => {
    const store = new ContentStore(nothingKnown);
    const base = add(store, [web]);
    store.look(base);
    const before = store.sizes();
    const leaves = leavesOf(table([web, dns]));
    const changes = leaves
      .map((leaf, index) => ({ index, digest: leaf.digest }))
      .filter(({ index, digest: one }) => leavesOf(table([web]))[index]?.digest !== one);
    const { root } = treeOf(leaves.map((leaf) => leaf.digest));
    expect(changes.length).toBe(1);
    expect(store.change(base, changes, root)).toBe('applied');
    expect(store.sizes().branches).toBe(before.branches + 2);
    expect(store.look(root)).toEqual({ kind: 'lacks', digests: [changes[0]?.digest] });
  });

  it('is not taken over when the changes lead elsewhere, or when the base is not known', () => {
    const store = new ContentStore(nothingKnown);
    const base = add(store, [web]);
    const before = store.sizes();
    expect(store.change(base, [{ index: 3, digest: digest('x') }], digest('root'))).toBe('mismatch');
    expect(store.change(digest('other'), [], digest('root'))).toBe('unknown-base');
    expect(store.sizes()).toEqual(before);
  });
});
