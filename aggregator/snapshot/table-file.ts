/**
 * A node's table as a file, `table.json`, bucket by bucket as it travels (the messages Leaf, Entry and Fate of the
 * contract, as JSON):
 *
 *     {"kind":"ForwardingTable","like":null,"root":"4f...","leaves":[
 *     {"index":17,"digest":"9c...","entries":[{"key":"tcp 10.96.0.1:443","pod":{"action":"forward","backends":[...]}}]}
 *     ]}
 *
 * `like` names a node: then only the buckets that differ from its table are here. `root` is the digest of the whole.
 */
import { type Leaf, treeOf } from '../../proto/bucket-tree.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { encodeLeaf } from '../../proto/wire/leaf.ts';
import type { NodeReport } from '../model/feeds.ts';
import type { Likeness } from './table-likeness.ts';

export interface WrittenTable {
  readonly leaves: readonly Leaf[];
  readonly ownerHint: NodeReport['ownerHint'];
  readonly likeness: Likeness;
}

/** The file in pieces of one bucket each. */
export function* tablePieces({ leaves, ownerHint, likeness }: WrittenTable): Generator<string> {
  const { root } = treeOf(leaves.map(({ digest }) => digest));
  yield `{"kind":"ForwardingTable","like":${JSON.stringify(likeness.like)},"root":"${root}","leaves":[`;
  let separator = '\n';
  for (const index of likeness.indices) {
    const leaf = leaves[index];
    if (leaf === undefined) continue;
    const { entries } = encodeLeaf(leaf, (key: FrontendKey) => ownerHint(key));
    yield `${separator}${JSON.stringify({ index, digest: leaf.digest, entries })}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}
