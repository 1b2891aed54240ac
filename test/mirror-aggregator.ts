/**
 * The aggregator's side of a stream in its plainest form: it keeps what it is told, asks for what it lacks, and throws
 * where the agent breaks the contract. What it knows in the end must be what the agent read.
 */
import { type Leaf, type TreeDigests, treeOf } from '../proto/bucket-tree.ts';
import type { Entry, FrontendKey } from '../proto/forwarding.ts';
import * as wire from '../proto/generated/plumbline/agent/v1/agent.ts';
import { decodeChanges } from '../proto/wire/changes.ts';
import { decodeChildren } from '../proto/wire/children.ts';
import type { Decoded } from '../proto/wire/decoded.ts';
import { digestBytes, digestText } from '../proto/wire/digest-bytes.ts';
import { decodeLeaf } from '../proto/wire/leaf.ts';
import { applyPart } from '../proto/wire/part.ts';
import { UploadAssembler } from '../proto/wire/upload.ts';

export type Answer = NonNullable<wire.ReportResponse['message']>;

export class MirrorAggregator {
  /** One line for each message since the last look. */
  readonly heard: string[] = [];
  readonly evidence: wire.Evidence[] = [];
  readonly hints = new Map<string, string>();
  /** Protobuf bytes of all messages. */
  bytes = 0;
  readonly #children = new Map<string, readonly string[]>();
  readonly #leaves = new Map<string, Leaf>();
  readonly #json = new Map<string, string>();
  readonly #parts = new Map<string, string>();
  #assembler = new UploadAssembler(16 * 1024 * 1024);
  #root: string | null = null;
  #sequence = 0n;
  #isGreeted = false;
  #isTold = false;
  #isAstray = false;
  #reading = 0n;

  /** The next stream of the same agent. */
  reconnect(): void {
    this.#isGreeted = false;
    this.#isTold = false;
    this.#isAstray = false;
    this.#assembler = new UploadAssembler(16 * 1024 * 1024);
  }

  /** Takes a message as it comes over the wire. @returns what it asks the agent for at once. */
  take(sent: wire.ReportRequest): Answer | null {
    const bytes = wire.ReportRequest.encode(sent).finish();
    this.bytes += bytes.length;
    const { sequence, message } = wire.ReportRequest.decode(bytes);
    if (sequence <= this.#sequence) throw new Error(`sequence ${sequence} after ${this.#sequence}`);
    this.#sequence = sequence;
    if (this.#isGreeted === (message?.$case === 'hello')) throw new Error(`Hello: ${this.#isGreeted}`);
    this.#isGreeted = true;
    switch (message?.$case) {
      case 'state':
        return this.#state(message.value);
      case 'chunk':
        return this.#chunk(message.value);
      case 'notHeld':
        this.heard.push(`not held: ${message.value.digests.length}`);
        return null;
      default:
        this.heard.push(message?.$case ?? 'nothing');
        return null;
    }
  }

  /** The digests that are named and not known. */
  lacking(): readonly string[] {
    const lacking = [...this.#parts.values()].filter((digest) => !this.#json.has(digest));
    const tree = this.#root === null ? null : this.#tree(this.#root, lacking);
    if (tree !== null) lacking.push(...tree.leaves.filter((digest) => !this.#leaves.has(digest)));
    return [...new Set(lacking)];
  }

  /** What it wants now; null when it lacks nothing. */
  want(): Answer | null {
    const digests = this.lacking();
    return digests.length === 0 ? null : { $case: 'want', value: { digests: digests.map(digestBytes) } };
  }

  /** The table as far as it is known; null without one. */
  table(): ReadonlyMap<FrontendKey, Entry> | null {
    const tree = this.#root === null ? null : this.#tree(this.#root, []);
    return tree && new Map(tree.leaves.flatMap((digest) => [...(this.#leaves.get(digest)?.entries ?? [])]));
  }

  /** The JSON of every part by its name. */
  parts(): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries([...this.#parts].sort().map(([name, digest]) => [name, this.#json.get(digest)]));
  }

  #tree(root: string, lacking: string[]): TreeDigests | null {
    const inner = this.#children.get(root);
    if (inner === undefined) lacking.push(root);
    const below = inner?.map((digest) => this.#children.get(digest)) ?? [];
    for (const [index, leaves] of below.entries()) if (leaves === undefined) lacking.push(inner?.[index] ?? '');
    return inner === undefined || below.includes(undefined) ? null : treeOf(below.flatMap((leaves) => leaves ?? []));
  }

  #state({ reading, table, parts, whole, tableLost }: wire.State): Answer | null {
    const number = reading?.number ?? 0n;
    if (number < this.#reading) throw new Error(`reading ${number} after ${this.#reading}`);
    this.#reading = number;
    this.heard.push(`state ${number}${whole ? ' whole' : ''}${table ? ' table' : ''} parts ${parts.length}`);
    // What was said before the agent heard of Resync goes on from what this side does not know.
    if (!whole && this.#isAstray) return null;
    if (!whole && !this.#isTold) throw new Error('the first State is not whole');
    this.#isTold = true;
    this.#isAstray = false;
    if (whole) {
      this.#root = null;
      this.#parts.clear();
    }
    for (const { name, digest } of parts) {
      if (digest.length === 0) this.#parts.delete(name);
      else this.#parts.set(name, digestText(digest) ?? '');
    }
    if (tableLost) this.#root = null;
    return table === undefined ? null : this.#change(table);
  }

  #change(table: wire.Table): Answer | null {
    const root = digestText(table.root) ?? '';
    const base = this.#root;
    this.#root = root;
    if (table.base.length === 0) return null;
    if (digestText(table.base) !== base) throw new Error('the base is not what was told');
    const tree = base === null ? null : this.#tree(base, []);
    if (tree === null) {
      this.#isAstray = true;
      return { $case: 'resync', value: {} };
    }
    const leaves = [...tree.leaves];
    for (const { index, digest } of valid(decodeChanges(table.changed))) leaves[index] = digest;
    const changed = treeOf(leaves);
    if (changed.root !== root) throw new Error('the changes do not lead to the root');
    this.#children.set(root, changed.inner);
    for (const [index, digest] of changed.inner.entries()) {
      this.#children.set(digest, leaves.slice(index * 32, index * 32 + 32));
    }
    return null;
  }

  #chunk(chunk: wire.Chunk): Answer | null {
    const assembled = this.#assembler.add(chunk);
    if (assembled.kind === 'refused') throw new Error(assembled.reason);
    const content = assembled.kind === 'whole' ? assembled.upload.content : undefined;
    this.heard.push(content === undefined ? 'chunk' : content.$case);
    if (content?.$case === 'evidence') this.evidence.push(content.value);
    if (content?.$case === 'buckets') for (const bucket of content.value.buckets) this.#bucket(bucket);
    return content?.$case === 'part' ? this.#part(content.value) : null;
  }

  #part(part: wire.Part): Answer | null {
    const base = digestText(part.base);
    const applied = applyPart(part, base === null ? null : (this.#json.get(base) ?? null));
    if (!applied.ok && base === null) throw new Error(applied.message);
    if (applied.ok) this.#json.set(digestText(part.digest) ?? '', applied.value);
    return applied.ok ? null : { $case: 'want', value: { digests: [part.digest] } };
  }

  #bucket({ digest, content }: wire.Bucket): void {
    const text = digestText(digest) ?? '';
    if (content?.$case === 'children') this.#children.set(text, valid(decodeChildren(content.value, text)));
    if (content?.$case === 'leaf') {
      const { leaf, hints } = valid(decodeLeaf(content.value, text));
      this.#leaves.set(text, leaf);
      for (const [key, hint] of hints) this.hints.set(key, hint);
    }
  }
}

function valid<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(decoded.message);
  return decoded.value;
}
