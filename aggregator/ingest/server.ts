/** The gRPC server that agents report to: an AgentFeed for the engine. */
import type { AgentEvent, AgentFeed, KnownLeaves, ProbeTarget } from '../model/feeds.ts';
import type { Figure } from '../model/record.ts';
import { Agents } from './agents.ts';
import type { Verdict } from './authenticate.ts';
import type { Closing } from './closing.ts';
import { ContentStore } from './content-store.ts';
import { IngestCounts } from './counts.ts';
import { ingestFigures } from './figures.ts';
import type { IncomingCall } from './grpc-server.ts';
import type { IngestLog } from './ingest-log.ts';
import { defaultLimits, type IngestLimits, SharedBytes } from './limits.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import { LiveStream } from './live-stream.ts';
import { heldShare, MemoryPressure } from './memory-pressure.ts';
import type { Moment } from './moment.ts';
import type { SessionShared } from './session-shared.ts';
import { type Asker, Wants } from './wants.ts';

export interface IngestOptions {
  readonly listeners: readonly ListenerOptions[];
  /** What the engine expects on nodes: none of it is asked of an agent. */
  readonly known: KnownLeaves;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only rise. */
  readonly monotonic: () => number;
  readonly log: IngestLog;
  /** Where they differ from the default. */
  readonly limits?: Partial<IngestLimits>;
  /** The share of its memory that the process holds; its own unless a test says otherwise. */
  readonly memory?: () => number;
}

const tickMs = 5000;
const sweepEveryMs = 60_000;
const stopWithinMs = 5000;
/** After a stop that was told, agents come back within this time, not all at once. */
const reconnectWithinSeconds = 30;

const shortOfMemory: Closing = {
  code: 'unavailable',
  reason: 'memory',
  message: 'the aggregator is short of memory, and takes no further stream',
  retryAfterMs: 30_000,
};
const stopping: Closing = { code: 'unavailable', reason: 'stopping', message: 'the aggregator stops' };

export class IngestServer implements AgentFeed {
  readonly #options: IngestOptions;
  readonly #shared: SessionShared;
  readonly #agents: Agents;
  readonly #listeners: readonly Listener[];
  readonly #subscribers = new Set<(event: AgentEvent) => void>();
  #timer: NodeJS.Timeout | null = null;
  #sweptAt: number;
  #isStopping = false;
  #noneLeft: (() => void) | null = null;

  constructor(options: IngestOptions) {
    const { known, monotonic } = options;
    const limits = { ...defaultLimits, ...options.limits };
    const counts = new IngestCounts();
    this.#options = options;
    this.#sweptAt = monotonic();
    const pressure = new MemoryPressure(options.memory ?? heldShare);
    const mayBegin = ({ isNew }: Asker) => pressure.level === 'none' || (pressure.level === 'soft' && !isNew);
    this.#shared = {
      pressure,
      store: new ContentStore(known),
      wants: new Wants({ slots: limits.uploadSlots, monotonic, mayBegin, defer: (run) => setImmediate(run) }),
      counts,
      uploads: new SharedBytes(limits.uploadMemoryBytes),
      limits,
    };
    this.#agents = new Agents(limits, (event) => this.#emit(event));
    const onCall = (incoming: IncomingCall, listener: Listener) => void this.#take(incoming, listener);
    this.#listeners = options.listeners.map((one) => new Listener(one, { limits, counts, monotonic, onCall }));
  }

  /**
   * Begins to listen.
   * @throws when an address is taken or a certificate is not to be had: nothing listens then.
   */
  async start(): Promise<void> {
    try {
      for (const listener of this.#listeners) await listener.start();
    } catch (cause) {
      for (const listener of this.#listeners) listener.destroy();
      throw cause;
    }
    this.#timer = setInterval(() => this.tick(), tickMs);
    this.#timer.unref();
  }

  /** The TCP ports, in the order of the listeners; null for unix sockets. */
  ports(): readonly (number | null)[] {
    return this.#listeners.map(({ port }) => port);
  }

  /** Stops. @param graceful agents are told to come back later, and have five seconds to go by themselves. */
  async stop(graceful: boolean): Promise<void> {
    this.#isStopping = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const listener of this.#listeners) listener.close();
    if (graceful && this.#agents.streams.size > 0) await this.#sendAway();
    for (const stream of [...this.#agents.streams]) stream.close(stopping);
    for (const listener of this.#listeners) listener.destroy();
  }

  subscribe(listener: (event: AgentEvent) => void): () => void {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  }

  acknowledge(node: string, sequence: bigint): void {
    this.#agents.speaker(node)?.acknowledge(sequence);
  }

  /** Asked again when the agent's stream breaks; at most 200 of a node wait, the oldest go first. */
  wantEvidence(node: string, entries: readonly string[]): void {
    this.#agents.wantEvidence(node, entries);
  }

  /** Told again when the agent's stream breaks. */
  aim(node: string, targets: readonly ProbeTarget[]): void {
    this.#agents.aim(node, targets);
  }

  /** The watch saw that this pod of an agent was deleted: its streams end. */
  podGone(uid: string): void {
    for (const { authenticator } of this.#listeners) authenticator.forgetPod(uid);
    this.#agents.podGone(uid);
  }

  figures(): readonly Figure[] {
    return ingestFigures(this.#shared, {
      streams: this.#agents.speaking,
      connections: this.#listeners.reduce((sum, listener) => sum + listener.connections(), 0),
      listeners: this.#listeners.flatMap((listener) => listener.figures()),
    });
  }

  /** What is due now and then; runs by itself after the start. */
  tick(): void {
    const at = this.#clock();
    for (const listener of this.#listeners) listener.tick(at.monotonic);
    for (const stream of [...this.#agents.streams]) stream.tick(at);
    const { pressure, wants } = this.#shared;
    const isOtherPressure = pressure.look();
    if (isOtherPressure) this.#tellPressure();
    wants.tick();
    const isUrgent = isOtherPressure && pressure.level === 'hard';
    if (isUrgent || at.monotonic - this.#sweptAt >= sweepEveryMs) this.#sweep(at);
  }

  #tellPressure(): void {
    const { level } = this.#shared.pressure;
    if (level === 'none') this.#options.log.info({}, 'the aggregator has memory again');
    else this.#options.log.warn({ level }, 'the aggregator is short of memory');
    for (const stream of this.#agents.streams) stream.easeMemory();
  }

  /** Lets go of what no node has any more. */
  #sweep(at: Moment): void {
    this.#sweptAt = at.monotonic;
    this.#agents.forget(at);
    const claims = [...this.#agents.memories.values()].flatMap(({ claims: one }) => one ?? []);
    this.#shared.store.sweep(
      new Set(claims.flatMap(({ root }) => root ?? [])),
      claims.flatMap(({ parts }) => [...parts]),
    );
  }

  /** Nothing of the stream is read before it is known whose it is. */
  async #take(incoming: IncomingCall, listener: Listener): Promise<void> {
    if (this.#shared.pressure.level === 'hard') return this.#refuse(incoming, shortOfMemory);
    let isGone = false;
    incoming.call.once('cancelled', () => {
      isGone = true;
    });
    const { authorization, remoteAddress } = incoming;
    const verdict = await this.#verdictOf(
      listener.authenticator.authenticate({ authorization, peerAddress: remoteAddress ?? null }),
    );
    if (isGone) return;
    if (!verdict.ok) return this.#refuse(incoming, verdict.closing);
    listener.known(incoming);
    if (this.#isStopping) return this.#refuse(incoming, stopping);
    const refusal = this.#agents.refusalOf(verdict.identity, this.#clock());
    if (refusal !== null) return this.#refuse(incoming, refusal);
    const { identity } = verdict;
    const memory = this.#agents.memoryOf(identity.node);
    const outlet = {
      emit: (event: AgentEvent) => this.#emit(event),
      admit: (stream: LiveStream) => this.#agents.admit(stream),
      ended: (stream: LiveStream) => this.#ended(stream),
    };
    const stream = new LiveStream(incoming, { identity, memory }, this.#shared, {
      outlet,
      clock: () => this.#clock(),
    });
    this.#agents.add(stream);
    stream.begin();
  }

  #refuse(incoming: IncomingCall, closing: Closing): void {
    this.#shared.counts.refused.add(closing.reason);
    incoming.close(closing);
  }

  async #verdictOf(verdict: Promise<Verdict>): Promise<Verdict> {
    try {
      return await verdict;
    } catch (cause) {
      this.#options.log.error({ error: String(cause) }, 'cannot tell whose a stream is: this is a bug');
      const message = 'the aggregator cannot tell whose the stream is';
      return { ok: false, closing: { code: 'unavailable', reason: 'internal', message } };
    }
  }

  #ended(stream: LiveStream): void {
    this.#agents.ended(stream, this.#clock());
    if (this.#agents.streams.size === 0) this.#noneLeft?.();
  }

  #sendAway(): Promise<void> {
    for (const stream of this.#agents.streams) stream.reconnectAfter(reconnectWithinSeconds);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, stopWithinMs);
      this.#noneLeft = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #emit(event: AgentEvent): void {
    for (const subscriber of this.#subscribers) subscriber(event);
  }

  #clock(): Moment {
    return { wall: this.#options.now(), monotonic: this.#options.monotonic() };
  }
}
