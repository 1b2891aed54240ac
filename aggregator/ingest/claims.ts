/** What a node's newest State says it has, by digests: of its table, and of each part. */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { PartName } from '../../proto/parts.ts';
import { decodeChanges, type LeafChange } from '../../proto/wire/changes.ts';
import { digestText } from '../../proto/wire/digest-bytes.ts';
import { isPartName } from './part-schemas.ts';

export interface Claims {
  /** Null: the table could not be read. */
  readonly root: string | null;
  /** Parts that are not absent. */
  readonly parts: ReadonlyMap<PartName, string>;
}

export type Claimed =
  | {
      readonly kind: 'claims';
      readonly claims: Claims;
      /** What the table differs in from one that was told before. */
      readonly tableChange: { readonly base: string; readonly leaves: readonly LeafChange[] } | null;
      /** Digests of the parts that changed. */
      readonly changedParts: ReadonlySet<string>;
    }
  /** It goes on from something that this side does not have. */
  | { readonly kind: 'astray' }
  | { readonly kind: 'malformed'; readonly message: string };

/** What the node says after this State. @param before what it said until now; null before the first whole State. */
export function claimsAfter(before: Claims | null, state: wire.State): Claimed {
  if (state.table !== undefined && state.tableLost) return malformed('a table that is lost');
  if (before === null && !state.whole) return { kind: 'astray' };
  const parts = partsAfter(state.whole ? new Map() : (before?.parts ?? new Map()), state.parts);
  if (typeof parts === 'string') return malformed(parts);
  const changedParts = new Set(parts.changed);
  if (state.table === undefined) {
    const root = state.whole || state.tableLost ? null : (before?.root ?? null);
    return { kind: 'claims', claims: { root, parts: parts.all }, tableChange: null, changedParts };
  }
  const root = digestText(state.table.root);
  if (root === null) return malformed('a root that is no digest');
  const claims = { root, parts: parts.all };
  if (state.table.base.length === 0) {
    if (state.table.changed.length > 0) return malformed('changed leaves without a base');
    return { kind: 'claims', claims, tableChange: null, changedParts };
  }
  const base = digestText(state.table.base);
  if (base === null) return malformed('a base that is no digest');
  if (base !== before?.root) return { kind: 'astray' };
  const leaves = decodeChanges(state.table.changed);
  if (!leaves.ok) return malformed(leaves.message);
  return { kind: 'claims', claims, tableChange: { base, leaves: leaves.value }, changedParts };
}

function partsAfter(
  before: ReadonlyMap<PartName, string>,
  told: readonly wire.PartDigest[],
): { readonly all: ReadonlyMap<PartName, string>; readonly changed: readonly string[] } | string {
  const all = new Map(before);
  const changed: string[] = [];
  const seen = new Set<string>();
  for (const { name, digest } of told) {
    if (seen.has(name)) return 'a part that is told twice';
    seen.add(name);
    // Of a newer agent: what this version does not know, nothing here can ask about.
    if (!isPartName(name)) continue;
    if (digest.length === 0) {
      all.delete(name);
      continue;
    }
    const text = digestText(digest);
    if (text === null) return `part ${name} has no digest`;
    all.set(name, text);
    changed.push(text);
  }
  return { all, changed };
}

function malformed(message: string): Claimed {
  return { kind: 'malformed', message };
}
