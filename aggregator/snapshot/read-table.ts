/** Reads a `table.json` back. It may come from anywhere: what is read is exactly what its digests stand for, or nothing. */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { BucketTable, emptyLeaf, type Leaf, leafCount, leafIndexOf, treeOf } from '../../proto/bucket-tree.ts';
import type { Forwarding, FrontendKey } from '../../proto/forwarding.ts';
import { decodeLeaf } from '../../proto/wire/leaf.ts';

/** A table with the owners that rules claim for its frontends. */
export interface ReadTable {
  readonly table: BucketTable;
  readonly hints: ReadonlyMap<FrontendKey, string>;
}

export type TableReading =
  | { readonly ok: true; readonly value: ReadTable }
  | { readonly ok: false; readonly problem: string };

const mostEntries = 100_000;
const texts = Type.Array(Type.String({ maxLength: 64 }), { maxItems: mostEntries });
const share = Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 });
const fate = Type.Object({
  action: Type.String(),
  reason: Type.String(),
  backends: texts,
  affinitySeconds: share,
  affinityPartial: Type.Boolean(),
  sources: Type.Optional(Type.Object({ prefixes: texts, otherwise: Type.String() })),
  dress: Type.Optional(
    Type.Object({
      parts: Type.Array(share, { maxItems: mostEntries }),
      lost: share,
      masquerade: Type.String(),
      masqueraded: texts,
      hairpin: Type.String(),
    }),
  ),
});
const entry = Type.Object({
  key: Type.String({ maxLength: 64 }),
  pod: fate,
  node: Type.Optional(fate),
  outside: Type.Optional(fate),
  ownerHint: Type.String(),
});
const form = Compile(
  Type.Object({
    kind: Type.Literal('ForwardingTable'),
    like: Type.Union([Type.String(), Type.Null()]),
    root: Type.String(),
    leaves: Type.Array(
      Type.Object({
        index: Type.Integer({ minimum: 0, maximum: leafCount - 1 }),
        digest: Type.String(),
        entries: Type.Array(entry, { maxItems: mostEntries }),
      }),
      { maxItems: leafCount },
    ),
  }),
);

/**
 * @param json what the file holds.
 * @param base the table of the node that it is like, which is read then.
 * @param shared forwardings that were read before: equal ones become one object.
 */
export function readTable(
  json: unknown,
  base: (node: string) => TableReading,
  shared: Map<string, Forwarding>,
): TableReading {
  if (!form.Check(json)) {
    const [first] = form.Errors(json);
    return misfit(`${first?.instancePath ?? ''} ${first?.message ?? 'is no table'}`.trim());
  }
  const below = json.like === null ? empty : base(json.like);
  if (!below.ok) return misfit(`it is like that of ${json.like}: ${below.problem}`);
  const leaves: Leaf[] = [...below.value.table.leaves];
  const hints = new Map(below.value.hints);
  for (const { index, digest, entries } of json.leaves) {
    const wire = entries.map((one) => ({
      ...one,
      pod: fateOf(one.pod),
      node: fateOf(one.node),
      outside: fateOf(one.outside),
    }));
    const leaf = decodeLeaf({ entries: wire }, digest, shared);
    if (!leaf.ok) return misfit(leaf.message);
    for (const key of leaves[index]?.entries.keys() ?? []) hints.delete(key);
    for (const [key, hint] of leaf.value.hints) hints.set(key, hint);
    const [first] = leaf.value.leaf.entries.keys();
    if (first !== undefined && leafIndexOf(first) !== index)
      return misfit(`bucket ${index} holds what belongs elsewhere`);
    leaves[index] = leaf.value.leaf;
  }
  const { root } = treeOf(leaves.map(({ digest }) => digest));
  if (root !== json.root) return misfit('its buckets are not those of its digest: it was changed, or is cut');
  return { ok: true, value: { table: new BucketTable(leaves), hints } };
}

const empty: TableReading = {
  ok: true,
  value: { table: new BucketTable(Array.from({ length: leafCount }, () => emptyLeaf)), hints: new Map() },
};

type FateJson = Type.Static<typeof fate>;

/** What JSON leaves out, the message has as undefined. */
function fateOf<F extends FateJson | undefined>(one: F) {
  return one === undefined ? undefined : { ...one, sources: one.sources, dress: one.dress };
}

function misfit(problem: string): TableReading {
  return { ok: false, problem };
}
