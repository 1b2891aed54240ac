/** Who speaks for which node: the streams that live, and what is remembered of nodes between streams. */
import type { AgentEvent, ProbeTarget } from '../model/feeds.ts';
import { AgentMemory } from './agent-memory.ts';
import type { Identity } from './authenticate.ts';
import type { Closing } from './closing.ts';
import type { IngestLimits } from './limits.ts';
import type { LiveStream } from './live-stream.ts';
import type { Moment } from './moment.ts';

/** Long enough for an agent to come back, after a restart of its node even. */
const rememberMs = 30 * 60_000;
const mostWantedEvidence = 200;

export class Agents {
  readonly #limits: IngestLimits;
  readonly #emit: (event: AgentEvent) => void;
  readonly #memories = new Map<string, AgentMemory>();
  /** Every stream, also those that have not said Hello. */
  readonly #streams = new Set<LiveStream>();
  /** Those that have, by node. */
  readonly #speakers = new Map<string, LiveStream>();

  constructor(limits: IngestLimits, emit: (event: AgentEvent) => void) {
    this.#limits = limits;
    this.#emit = emit;
  }

  get streams(): ReadonlySet<LiveStream> {
    return this.#streams;
  }

  get memories(): ReadonlyMap<string, AgentMemory> {
    return this.#memories;
  }

  get speaking(): number {
    return this.#speakers.size;
  }

  speaker(node: string): LiveStream | null {
    return this.#speakers.get(node) ?? null;
  }

  memoryOf(node: string): AgentMemory {
    const known = this.#memories.get(node);
    if (known !== undefined) return known;
    const memory = new AgentMemory(node, this.#limits);
    this.#memories.set(node, memory);
    return memory;
  }

  /** Why a stream of this identity may not begin; null when it may. Counts it among the node's streams. */
  refusalOf({ node, podUid }: Identity, at: Moment): Closing | null {
    const memory = this.memoryOf(node);
    memory.idleSince ??= this.#speakers.has(node) ? null : at.monotonic;
    const admission = memory.limits.admitStream(at.monotonic);
    if (admission !== 'admitted') {
      const message = 'throttled: too many streams, or too much sent';
      if (admission === 'throttled') this.#emit({ kind: 'lost', node, reason: message, at: at.wall });
      const retryAfterMs = memory.limits.waitMs(at.monotonic);
      return { code: 'resource-exhausted', reason: 'throttled', message, retryAfterMs };
    }
    return podUid !== null && this.speaker(node)?.supersedes.has(podUid) ? olderPod : null;
  }

  add(stream: LiveStream): void {
    this.#streams.add(stream);
  }

  /** The stream said Hello: it speaks for its node from now on, and the one before is closed. */
  admit(stream: LiveStream): Closing | null {
    const { node, podUid } = stream.identity;
    const before = this.speaker(node);
    if (before !== null) {
      const other = before.identity.podUid;
      if (podUid !== null && before.supersedes.has(podUid)) return olderPod;
      const superseded = other === null || other === podUid ? [] : [other];
      stream.supersedes = new Set([...before.supersedes, ...superseded]);
      const reason = superseded.length === 0 ? 'replaced' : 'newer-pod';
      before.close({ code: 'unavailable', reason, message: 'another stream speaks for this node now' });
    }
    this.#speakers.set(node, stream);
    return null;
  }

  ended(stream: LiveStream, at: Moment): void {
    this.#streams.delete(stream);
    const { node } = stream.identity;
    if (this.#speakers.get(node) !== stream) return;
    this.#speakers.delete(node);
    stream.memory.idleSince = at.monotonic;
  }

  /** The pod was deleted: what its token opened ends now. */
  podGone(uid: string): void {
    const message = 'the pod of the stream was deleted';
    for (const stream of [...this.#streams]) {
      if (stream.identity.podUid === uid) stream.close({ code: 'unauthenticated', reason: 'pod-deleted', message });
    }
  }

  wantEvidence(node: string, entries: readonly string[]): void {
    const { wantedEvidence } = this.memoryOf(node);
    for (const entry of entries) wantedEvidence.add(entry);
    for (const oldest of wantedEvidence) {
      if (wantedEvidence.size <= mostWantedEvidence) break;
      wantedEvidence.delete(oldest);
    }
    this.speaker(node)?.wantEvidence(entries);
  }

  aim(node: string, targets: readonly ProbeTarget[]): void {
    this.memoryOf(node).targets = targets;
    this.speaker(node)?.aim(targets);
  }

  /** Forgets nodes that nobody has spoken for in a long time. */
  forget(at: Moment): void {
    for (const [node, { idleSince }] of this.#memories) {
      if (idleSince !== null && at.monotonic - idleSince >= rememberMs) this.#memories.delete(node);
    }
  }
}

const olderPod: Closing = {
  code: 'permission-denied',
  reason: 'older-pod',
  message: 'a newer pod speaks for this node',
};
