/** Answers to what the aggregator wants: buckets of the tree and parts, by digest. */
import { type Leaf, leavesBelow } from '../../proto/bucket-tree.ts';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { PartName } from '../../proto/parts.ts';
import { encodeChildren } from '../../proto/wire/children.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';
import { encodeLeaf } from '../../proto/wire/leaf.ts';
import { partChange, type PartContent } from '../../proto/wire/part.ts';
import { chunkBytes } from '../../proto/wire/upload.ts';
import type { Snapshot } from './snapshot.ts';

/** More than a tree and all parts have: a root, 32 inner buckets, 1,024 leaves. */
export const mostWanted = 4_096;

/** What was wanted and is not answered yet. */
export class Wanted {
  readonly #digests = new Set<string>();
  #index: { readonly of: Snapshot; readonly content: ReadonlyMap<string, Content> } | null = null;

  get size(): number {
    return this.#digests.size;
  }

  /** Adds what is not already wanted; false, and nothing added, where it would be more than a node can have. */
  add(digests: readonly string[]): boolean {
    const fresh = digests.filter((digest) => !this.#digests.has(digest));
    if (this.#digests.size + fresh.length > mostWanted) return false;
    for (const digest of fresh) this.#digests.add(digest);
    return true;
  }

  clear(): void {
    this.#digests.clear();
    this.#index = null;
  }

  /** What is wanted and not in this snapshot; it is no longer wanted then. */
  takeNotHeld(told: Snapshot | null): readonly string[] {
    const content = this.#contentOf(told);
    const missing = [...this.#digests].filter((digest) => !content.has(digest));
    for (const digest of missing) this.#digests.delete(digest);
    this.#forget();
    return missing;
  }

  /** The next answer: one part, or buckets of about one chunk; null when nothing is left. */
  takeUpload(told: Snapshot): wire.Upload | null {
    const content = this.#contentOf(told);
    const buckets: wire.Bucket[] = [];
    let bytes = 0;
    for (const digest of this.#digests) {
      const one = content.get(digest);
      if (one?.kind === 'part') {
        if (buckets.length > 0) continue;
        this.#digests.delete(digest);
        this.#forget();
        return { content: { $case: 'part', value: partChange(one.name, null, one.part) } };
      }
      const bucket = one === undefined ? null : bucketOf(digest, one, told);
      if (bucket === null) continue;
      if (buckets.length > 0 && bytes + bucket.bytes > chunkBytes) break;
      this.#digests.delete(digest);
      buckets.push(bucket.bucket);
      bytes += bucket.bytes;
    }
    this.#forget();
    return buckets.length === 0 ? null : { content: { $case: 'buckets', value: { buckets } } };
  }

  /** The index holds a whole table: it goes as soon as all is answered. */
  #forget(): void {
    if (this.#digests.size === 0) this.#index = null;
  }

  #contentOf(told: Snapshot | null): ReadonlyMap<string, Content> {
    if (told === null) return nothing;
    if (this.#index?.of !== told) this.#index = { of: told, content: contentOf(told) };
    return this.#index.content;
  }
}

type Content =
  | { readonly kind: 'children'; readonly children: readonly string[] }
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'part'; readonly name: PartName; readonly part: PartContent };

const nothing: ReadonlyMap<string, Content> = new Map();

function contentOf({ table, parts }: Snapshot): ReadonlyMap<string, Content> {
  const content = new Map<string, Content>();
  for (const [name, { content: part }] of parts) content.set(part.digest, { kind: 'part', name, part });
  if (table === null) return content;
  for (const leaf of table.leaves) content.set(leaf.digest, { kind: 'leaf', leaf });
  for (const [index, digest] of table.tree.inner.entries()) {
    content.set(digest, { kind: 'children', children: leavesBelow(table.tree, index) });
  }
  content.set(table.tree.root, { kind: 'children', children: table.tree.inner });
  return content;
}

interface SizedBucket {
  readonly bucket: wire.Bucket;
  /** About as many as it takes. */
  readonly bytes: number;
}

function bucketOf(digest: string, content: Content, { ownerHint }: Snapshot): SizedBucket | null {
  if (content.kind === 'part') return null;
  if (content.kind === 'children') {
    const value = encodeChildren(content.children);
    return { bucket: { digest: digestBytes(digest), content: { $case: 'children', value } }, bytes: 560 };
  }
  const value = encodeLeaf(content.leaf, ownerHint);
  return { bucket: { digest: digestBytes(digest), content: { $case: 'leaf', value } }, bytes: bytesOf(value) };
}

/** What a leaf takes, nearly: exact is what the chunks are. */
function bytesOf({ entries }: wire.Leaf): number {
  let bytes = 40;
  for (const { key, pod, node, outside, ownerHint } of entries) {
    bytes += 8 + key.length + ownerHint.length;
    for (const fate of [pod, node, outside]) {
      if (fate !== undefined) bytes += 60 + fate.backends.reduce((sum, backend) => sum + 2 + backend.length, 0);
    }
  }
  return bytes;
}
