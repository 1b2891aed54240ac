/** The uploads of one stream: put together from chunks, read, and kept where the newest State needs them. */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { decodeChildren } from '../../proto/wire/children.ts';
import { type Decoded, fits } from '../../proto/wire/decoded.ts';
import { digestText } from '../../proto/wire/digest-bytes.ts';
import { decodeLeaf } from '../../proto/wire/leaf.ts';
import { applyPart } from '../../proto/wire/part.ts';
import { UploadAssembler } from '../../proto/wire/upload.ts';
import type { EntryEvidence } from '../model/feeds.ts';
import type { AgentMemory } from './agent-memory.ts';
import { entryEvidence } from './agent-words.ts';
import type { ClaimSync } from './claim-sync.ts';
import { brokenProtocol, type Closing } from './closing.ts';
import { isPartName } from './part-schemas.ts';
import type { SessionShared } from './session-shared.ts';

export interface IntakeOutlet {
  evidence(evidence: EntryEvidence): void;
  close(closing: Closing): void;
}

export class UploadIntake {
  readonly #memory: AgentMemory;
  readonly #shared: SessionShared;
  readonly #sync: ClaimSync;
  readonly #outlet: IntakeOutlet;
  #assembler: UploadAssembler;
  #heldBytes = 0;
  /** After a gap: the rest of an upload whose beginning is lost. */
  #skipsChunks = false;

  constructor(memory: AgentMemory, shared: SessionShared, sync: ClaimSync, outlet: IntakeOutlet) {
    this.#memory = memory;
    this.#shared = shared;
    this.#sync = sync;
    this.#outlet = outlet;
    this.#assembler = new UploadAssembler(shared.limits.oneUploadBytes);
  }

  /** Takes the next chunk of the stream. @param epoch of the stream, as text. */
  add(chunk: wire.Chunk, epoch: string): void {
    if (this.#skipsChunks && chunk.index !== 0) return;
    this.#skipsChunks = false;
    if (!this.#hold(this.#heldBytes + chunk.data.length)) {
      const message = 'too much is being uploaded at once, by all nodes together';
      this.#outlet.close({ code: 'unavailable', reason: 'upload-memory', message, retryAfterMs: 10_000 });
      return;
    }
    const assembled = this.#assembler.add(chunk);
    this.#hold(this.#assembler.pendingBytes);
    if (assembled.kind === 'refused') {
      this.#outlet.close(brokenProtocol('bad-upload', assembled.reason));
      return;
    }
    if (assembled.kind === 'whole') this.#take(assembled.upload, epoch);
  }

  /** Forgets the upload under way, and skips what may still come of it. */
  reset(): void {
    this.#assembler = new UploadAssembler(this.#shared.limits.oneUploadBytes);
    this.#hold(0);
    this.#skipsChunks = true;
  }

  #take({ content }: wire.Upload, epoch: string): void {
    switch (content?.$case) {
      case 'buckets':
        this.#takeBuckets(content.value.buckets);
        return;
      case 'part':
        this.#takePart(content.value);
        return;
      case 'evidence':
        this.#takeEvidence(content.value, epoch);
        return;
      case undefined:
        // The assembler gives no upload without content.
        return;
    }
  }

  #takeBuckets(buckets: readonly wire.Bucket[]): void {
    const { wants, counts } = this.#shared;
    const shared: Parameters<typeof decodeLeaf>[2] = new Map();
    for (const bucket of buckets) {
      const digest = digestText(bucket.digest) ?? '';
      if (!this.#sync.lacks(digest)) {
        counts.unwanted++;
        continue;
      }
      const kept = this.#keepBucket(digest, bucket.content, shared);
      if (!kept.ok) {
        this.#outlet.close(brokenProtocol('wrong-content', kept.message));
        return;
      }
      wants.arrived(digest);
      // Whoever lost its turn meanwhile is not told by that.
      this.#sync.arrived(digest);
    }
  }

  #keepBucket(
    digest: string,
    content: wire.Bucket['content'],
    shared: Parameters<typeof decodeLeaf>[2],
  ): Decoded<null> {
    switch (content?.$case) {
      case 'leaf': {
        const leaf = decodeLeaf(content.value, digest, shared);
        if (!leaf.ok) return leaf;
        this.#shared.store.addLeaf(leaf.value);
        return fits(null);
      }
      case 'children': {
        const children = decodeChildren(content.value, digest);
        if (!children.ok) return children;
        this.#shared.store.addChildren(digest, children.value);
        return fits(null);
      }
      case undefined:
        return { ok: false, message: `bucket ${digest} without content` };
    }
  }

  #takePart(part: wire.Part): void {
    const { store, wants, counts } = this.#shared;
    const digest = digestText(part.digest) ?? '';
    if (!this.#sync.lacks(digest) || !isPartName(part.name)) {
      counts.unwanted++;
      return;
    }
    const base = digestText(part.base);
    const json = applyPart(part, base === null ? null : (store.part(part.name, base)?.json() ?? null));
    if (!json.ok) {
      if (part.base.length > 0) {
        this.#sync.askWhole(digest);
        return;
      }
      this.#outlet.close(brokenProtocol('wrong-content', json.message));
      return;
    }
    // The same content may be two parts: both failed for one reason, and the agent answers once.
    for (const [name, own] of this.#memory.claims?.parts ?? []) {
      if (own === digest && store.addPart(name, digest, json.value).misfit !== null) counts.misfits.add(name);
    }
    wants.arrived(digest);
    this.#sync.arrived(digest);
  }

  #takeEvidence(evidence: wire.Evidence, epoch: string): void {
    const read = entryEvidence(evidence, epoch);
    if (read === null) {
      this.#outlet.close(brokenProtocol('bad-evidence', 'evidence that does not keep to its limits'));
      return;
    }
    if (this.#memory.wantedEvidence.delete(read.entry)) this.#outlet.evidence(read);
    else this.#shared.counts.unwanted++;
  }

  #hold(bytes: number): boolean {
    if (!this.#shared.uploads.exchange(this.#heldBytes, bytes)) return false;
    this.#heldBytes = bytes;
    return true;
  }
}
