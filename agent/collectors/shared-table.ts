/**
 * A table kept as leaves that are the last table's own wherever nothing has changed in them: most of a large table is
 * never in memory twice, however often the rules change.
 */
import { BucketTable, leavesOf } from '../../proto/bucket-tree.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';

/** @param before the table of the last reading, null at the first. */
export function sharedTable(table: ForwardingTable, before: ForwardingTable | null): BucketTable {
  const leaves = leavesOf(table);
  if (!(before instanceof BucketTable)) return new BucketTable(leaves);
  return new BucketTable(
    leaves.map((leaf, index) => {
      const old = before.leaves[index];
      return old?.digest === leaf.digest ? old : leaf;
    }),
  );
}
