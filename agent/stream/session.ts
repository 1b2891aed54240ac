/**
 * The agent's side of the conversation, without a network: readings, commands and heartbeats go in, messages come out
 * when there is room for one. What is said is worked out when it is asked for, from what was told last and what was read
 * last; so a slow stream skips readings instead of queueing them.
 */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';
import { chunksOf } from '../../proto/wire/upload.ts';
import { encodeWays } from '../../proto/wire/ways.ts';
import type { LoopFigures, NodeReading } from '../reading.ts';
import { agentMetrics } from './agent-metrics.ts';
import { readCommand } from './commands.ts';
import { EvidenceQueue } from './evidence-queue.ts';
import { holdsBack, type Snapshot, snapshotOf, telling } from './snapshot.ts';
import { Wanted } from './wanted.ts';
import { agedWay, type KnownWay } from './ways.ts';

export interface SessionOptions {
  /** 16 random bytes, new at each start of the agent. */
  readonly epoch: Uint8Array;
  readonly agentVersion: string;
  readonly nodeName: string;
}

/** What a command asks of those around the session. */
export type Effect =
  | { readonly kind: 'none' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'evidence'; readonly entries: readonly string[] }
  | { readonly kind: 'targets'; readonly targets: readonly wire.Target[] }
  | { readonly kind: 'slowDown'; readonly seconds: number | null }
  | { readonly kind: 'reconnect'; readonly withinSeconds: number };

/** Counts of an epoch. */
export interface SessionCounts {
  /** Streams after the first on which the aggregator said anything. */
  readonly reconnects: number;
  readonly refusedCommands: number;
  /** Messages that were sent, and those that the aggregator has not acknowledged. */
  readonly sent: bigint;
  readonly unacknowledged: bigint;
}

/** What a heartbeat tells of the ways to the aggregator. */
export interface ToldWays {
  /** The same array until something of it changes. */
  readonly known: readonly KnownWay[];
  /** Lines of the file of addresses that were passed over. */
  readonly badAddressLines: number;
}

type Message = NonNullable<wire.ReportRequest['message']>;

const untold: readonly KnownWay[] = [];
const nothing: Effect = { kind: 'none' };

/** One per process: sequences and uploads count on over all its streams. */
export class Session {
  readonly #options: SessionOptions;
  readonly #evidence = new EvidenceQueue();
  readonly #wanted = new Wanted();
  #newest: NodeReading | null = null;
  #told: Snapshot | null = null;
  #needsHello = true;
  #figuresDue = false;
  #heartbeat: Omit<wire.Heartbeat, 'ways'> | null = null;
  #ways: readonly KnownWay[] = untold;
  /** The ways as this stream has told them. */
  #toldWays: readonly KnownWay[] = untold;
  #chunks: wire.Chunk[] = [];
  #uploads: wire.Upload[] = [];
  #sequence = 0n;
  #acknowledged = 0n;
  #uploadNumber = 0n;
  #isHeard = false;
  #heardStreams = 0;
  #refusedCommands = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** A new stream begins: the aggregator is taken to know nothing of this node. */
  begin(): void {
    this.#needsHello = true;
    this.#isHeard = false;
    this.#told = null;
    this.#heartbeat = null;
    this.#toldWays = untold;
    this.#chunks = [];
    this.#uploads = [];
    this.#evidence.clear();
    this.#wanted.clear();
  }

  /** Takes the newest reading. The one before it, if it was not told yet, never will be; its evidence will. */
  observe(reading: NodeReading): void {
    if (reading.number <= (this.#newest?.number ?? 0)) return;
    this.#newest = reading;
    this.#evidence.add(reading);
  }

  /** A heartbeat is due, and with it the figures that were held back. */
  beat(figures: LoopFigures, wallMs: number, { known, badAddressLines }: ToldWays): void {
    // Nothing held back: the next change does not take its figures along either, they wait for the next beat.
    this.#figuresDue = this.#told !== null && holdsBack(this.#told);
    const metrics = agentMetrics(figures, { ...this.counts, badAddressLines });
    this.#heartbeat = { sentAtMs: BigInt(Math.round(wallMs)), metrics };
    this.#ways = known;
  }

  /** Takes a message of the aggregator. */
  take(response: wire.ReportResponse): Effect {
    if (!this.#isHeard) this.#heardStreams++;
    this.#isHeard = true;
    const command = readCommand(response);
    switch (command?.kind) {
      case 'ack':
        if (command.sequence > this.#sequence) return this.#refuse();
        if (command.sequence > this.#acknowledged) this.#acknowledged = command.sequence;
        return nothing;
      case 'want':
        return this.#wanted.add(command.digests) ? nothing : this.#refuse();
      case 'wantEvidence':
        return { kind: 'evidence', entries: command.entries };
      case 'targets':
        return { kind: 'targets', targets: command.targets };
      case 'slowDown':
        return { kind: 'slowDown', seconds: command.seconds === 0 ? null : command.seconds };
      case 'resync':
        this.#told = null;
        this.#uploads = [];
        return nothing;
      case 'reconnectAfter':
        return { kind: 'reconnect', withinSeconds: command.seconds };
      case undefined:
        return this.#refuse();
    }
  }

  /**
   * The next message, once there is room for it; null when there is nothing to say.
   * @param monotonicMs now, by the clock of the readings' ends.
   */
  next(monotonicMs: number): wire.ReportRequest | null {
    const message = this.#nextMessage(monotonicMs);
    if (message === null) return null;
    this.#sequence++;
    return { sequence: this.#sequence, message };
  }

  get counts(): SessionCounts {
    return {
      reconnects: Math.max(0, this.#heardStreams - 1),
      refusedCommands: this.#refusedCommands,
      sent: this.#sequence,
      unacknowledged: this.#sequence - this.#acknowledged,
    };
  }

  /** A heartbeat overtakes uploads, so that a slow one does not look like silence; answers go before newer readings. */
  #nextMessage(monotonicMs: number): Message | null {
    if (this.#needsHello) return this.#hello();
    if (this.#heartbeat !== null)
      return { $case: 'heartbeat', value: this.#takeHeartbeat(this.#heartbeat, monotonicMs) };
    return this.#nextChunk() ?? this.#firstState(monotonicMs) ?? this.#answer() ?? this.#laterState(monotonicMs);
  }

  /** Ways that are as they were told take no bytes. */
  #takeHeartbeat(heartbeat: Omit<wire.Heartbeat, 'ways'>, monotonicMs: number): wire.Heartbeat {
    this.#heartbeat = null;
    if (this.#ways === this.#toldWays) return { ...heartbeat, ways: undefined };
    this.#toldWays = this.#ways;
    return { ...heartbeat, ways: encodeWays(this.#ways.map((way) => agedWay(way, monotonicMs))) };
  }

  #hello(): Message {
    this.#needsHello = false;
    const { epoch, agentVersion, nodeName } = this.#options;
    return { $case: 'hello', value: { epoch, agentVersion, nodeName } };
  }

  #nextChunk(): Message | null {
    const chunk = this.#chunks.shift();
    return chunk === undefined ? null : { $case: 'chunk', value: chunk };
  }

  #firstState(monotonicMs: number): Message | null {
    return this.#told === null && this.#newest !== null ? this.#tell(this.#newest, monotonicMs) : null;
  }

  /** Something was read since, or figures that were held back are due. */
  #laterState(monotonicMs: number): Message | null {
    const [told, newest] = [this.#told, this.#newest];
    if (told === null || newest === null) return null;
    const isNew = newest.number > told.reading.number;
    return isNew || (this.#figuresDue && holdsBack(told)) ? this.#tell(newest, monotonicMs) : null;
  }

  #tell(reading: NodeReading, monotonicMs: number): Message {
    const snapshot = snapshotOf(reading, this.#told, this.#figuresDue);
    const { state, uploads } = telling(this.#told, snapshot, monotonicMs);
    this.#told = snapshot;
    this.#figuresDue = false;
    this.#uploads = uploads.map((value) => ({ content: { $case: 'part', value } }));
    return { $case: 'state', value: state };
  }

  /** Parts that changed, evidence for the reading that was told, and what was wanted, in this order. */
  #answer(): Message | null {
    const upload = this.#uploads.shift() ?? this.#evidence.take(this.#told?.reading.number ?? 0);
    if (upload !== null) return this.#upload(upload);
    if (this.#wanted.size === 0) return null;
    const missing = this.#wanted.takeNotHeld(this.#told);
    if (missing.length > 0) return { $case: 'notHeld', value: { digests: missing.map(digestBytes) } };
    const wanted = this.#told === null ? null : this.#wanted.takeUpload(this.#told);
    return wanted === null ? null : this.#upload(wanted);
  }

  #upload(upload: wire.Upload): Message | null {
    this.#uploadNumber++;
    this.#chunks = [...chunksOf(upload, this.#uploadNumber)];
    return this.#nextChunk();
  }

  #refuse(): Effect {
    this.#refusedCommands++;
    return { kind: 'refused' };
  }
}
