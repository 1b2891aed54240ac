/**
 * One stream of one agent, without its transport: messages in, commands and events out. proto/plumbline/agent/v1 says
 * what each message means.
 */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { digestBytes, digestText } from '../../proto/wire/digest-bytes.ts';
import { decodeWays } from '../../proto/wire/ways.ts';
import type { AgentEvent, ProbeTarget } from '../model/feeds.ts';
import type { AgentMemory } from './agent-memory.ts';
import { agentFigures, agentWays, shownVersion } from './agent-words.ts';
import { ClaimSync } from './claim-sync.ts';
import { type Claimed, claimsAfter } from './claims.ts';
import { brokenProtocol, type Closing } from './closing.ts';
import type { KeptTree } from './content-store.ts';
import type { Moment } from './moment.ts';
import { nodeReport } from './node-report.ts';
import type { SessionShared } from './session-shared.ts';
import { UploadIntake } from './upload-intake.ts';

export type Command = NonNullable<wire.ReportResponse['message']>;

/** What a session has to say. */
export interface SessionOutlet {
  send(command: Command): void;
  emit(event: AgentEvent): void;
  /** Ends the stream; nothing more is handled. */
  close(closing: Closing): void;
  /** The agent said Hello: from here on this stream speaks for the node. @returns why it may not; null when it may. */
  admit(): Closing | null;
}

const helloWithinMs = 10_000;
const pushedWithinMs = 10_000;
const resyncEveryMs = 30_000;
const heardEveryMs = 1000;
/** A few minutes before the transport drops connections of this age, so that agents come back one after the other. */
const oldAfterMs = 34 * 60_000;
const reconnectWithinSeconds = 60;
/** Well within the minute after which an agent that lives and does not read is told as such. */
const slowSeconds = 30;
const heldBecause = 'the aggregator is short of memory, and asks no further node for all it has';

interface ReadingAt {
  readonly reading: string;
  readonly readAt: number;
}

/** What an agent said of itself. */
type Told = Pick<Extract<AgentEvent, { readonly kind: 'heard' }>, 'figures' | 'ways'>;

const nothingTold: Told = { figures: null, ways: null };

export class Session {
  readonly #memory: AgentMemory;
  readonly #shared: SessionShared;
  readonly #outlet: SessionOutlet;
  readonly #sync: ClaimSync;
  readonly #uploads: UploadIntake;
  readonly #startedAt: number;
  #epoch: string | null = null;
  #isClosed = false;
  #awaitsWhole = true;
  #reading: ReadingAt = { reading: '', readAt: 0 };
  #stateSequence = 0n;
  #stateAt: number;
  #resyncAt: number | null = null;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** When the message that is handled came. */
  #wall: number;
  #wasToldToReconnect = false;

  constructor(memory: AgentMemory, shared: SessionShared, outlet: SessionOutlet, at: Moment) {
    this.#memory = memory;
    this.#shared = shared;
    this.#outlet = outlet;
    this.#startedAt = at.monotonic;
    this.#wall = at.wall;
    this.#stateAt = at.monotonic;
    this.#sync = new ClaimSync(shared.store, shared.wants, {
      ask: (digests) => this.#ask(digests),
      whole: (tree) => this.#report(tree),
      held: () => this.#emitLost(heldBecause),
      stalled: () => this.#close({ ...brokenProtocol('stalled', 'no answer to Want'), code: 'unavailable' }),
      misfit: (message) => this.#close(brokenProtocol('wrong-content', message)),
    });
    this.#uploads = new UploadIntake(memory, shared, this.#sync, {
      evidence: (evidence) => outlet.emit({ kind: 'evidence', node: memory.node, evidence }),
      close: (closing) => this.#close(closing),
    });
  }

  /** Takes one message; null stands for bytes that are none. */
  receive(request: wire.ReportRequest | null, bytes: number, at: Moment): void {
    if (this.#isClosed) return;
    this.#wall = at.wall;
    const { counts } = this.#shared;
    counts.bytes += bytes;
    counts.messages.add(request === null ? 'unreadable' : (request.message?.$case ?? 'unknown'));
    const { limits } = this.#memory;
    const closing = limits.admitBytes(bytes, this.#sync.isAsked, at.monotonic)
      ? this.#take(request, at)
      : throttled(limits.waitMs(at.monotonic));
    if (closing !== null) this.#close(closing);
  }

  /** @returns why the stream must end; null when it goes on. */
  #take(request: wire.ReportRequest | null, at: Moment): Closing | null {
    if (request === null) return brokenProtocol('unreadable', 'a message that cannot be read');
    const { sequence, message } = request;
    if (message?.$case === 'hello') {
      return this.#epoch === null
        ? this.#hello(message.value, sequence, at)
        : brokenProtocol('second-hello', 'a second Hello');
    }
    if (this.#epoch === null) return brokenProtocol('no-hello', 'the first message is not Hello');
    if (sequence <= this.#memory.sequence) {
      this.#shared.counts.replays++;
      return null;
    }
    if (sequence !== this.#memory.sequence + 1n) this.#lose(at);
    this.#memory.sequence = sequence;
    if (message?.$case === 'heartbeat') return this.#beat(message.value, at);
    this.#heard(nothingTold, at);
    if (message?.$case === 'state') return this.#state(message.value, sequence, at);
    if (message?.$case === 'chunk') this.#uploads.add(message.value, this.#epoch);
    if (message?.$case === 'notHeld') this.#sync.notHeld(message.value.digests.map((one) => digestText(one) ?? ''));
    return null;
  }

  /** Called now and then: what takes too long is ended or asked for again. */
  tick(at: Moment): void {
    if (this.#isClosed) return;
    const since = (moment: number, ms: number) => at.monotonic - moment >= ms;
    if (this.#epoch === null) {
      if (since(this.#startedAt, helloWithinMs)) this.#close(brokenProtocol('no-hello', 'no Hello came in time'));
      return;
    }
    if (since(this.#startedAt, oldAfterMs) && !this.#wasToldToReconnect) this.reconnectAfter(reconnectWithinSeconds);
    if (since(this.#stateAt, pushedWithinMs)) this.#sync.askForPushed();
    const isAstray = this.#resyncAt !== null && since(this.#resyncAt, resyncEveryMs);
    if (isAstray || (this.#sync.isAbandoned && since(this.#stateAt, resyncEveryMs))) this.#resync(at);
  }

  /** Asks the agent to close the stream and to dial again. */
  reconnectAfter(seconds: number): void {
    this.#wasToldToReconnect = true;
    this.#send({ $case: 'reconnectAfter', value: { seconds } });
  }

  /** Asks the agent to read less often while memory is short, and takes it back. */
  easeMemory(): void {
    if (this.#epoch === null) return;
    const intervalSeconds = this.#shared.pressure.level === 'none' ? 0 : slowSeconds;
    this.#send({ $case: 'slowDown', value: { intervalSeconds } });
  }

  /** What is reported up to here is judged and on disk. */
  acknowledge(sequence: bigint): void {
    if (sequence <= this.#memory.reportedSequence) this.#send({ $case: 'ack', value: { sequence } });
  }

  wantEvidence(entries: readonly string[]): void {
    if (entries.length === 0) return;
    this.#send({ $case: 'wantEvidence', value: { entries: entries.map(digestBytes) } });
  }

  /** Nothing before Hello: what is to be probed is then told after it. */
  aim(targets: readonly ProbeTarget[]): void {
    if (this.#epoch !== null) this.#send({ $case: 'targets', value: { targets: [...targets] } });
  }

  /** The stream is over, for whatever reason. */
  end(at: Moment): void {
    const wasConnected = this.#epoch !== null;
    this.#isClosed = true;
    this.#sync.end();
    this.#uploads.reset();
    this.#epoch = null;
    if (wasConnected) this.#outlet.emit({ kind: 'disconnected', node: this.#memory.node, at: at.wall });
  }

  #hello({ epoch, agentVersion, nodeName }: wire.Hello, sequence: bigint, at: Moment): Closing | null {
    const memory = this.#memory;
    const text = digestText(epoch);
    if (text === null) return brokenProtocol('bad-hello', 'an epoch that is not 16 bytes');
    if (nodeName !== memory.node) {
      this.#shared.counts.identityMismatches++;
      const message = `the agent calls its node by another name than ${memory.node}, where its pod runs`;
      return { code: 'permission-denied', reason: 'node-name', message };
    }
    if (text === memory.epoch && sequence <= memory.sequence) {
      this.#shared.counts.replays++;
      return brokenProtocol('replayed-hello', `a Hello of sequence ${sequence} came before`);
    }
    const refusal = this.#outlet.admit();
    if (refusal !== null) return refusal;
    if (text !== memory.epoch) memory.begin(text);
    memory.sequence = sequence;
    memory.idleSince = null;
    this.#epoch = text;
    const version = shownVersion(agentVersion);
    this.#outlet.emit({ kind: 'connected', node: memory.node, agentVersion: version, at: at.wall });
    this.#heard(nothingTold, at);
    if (this.#shared.pressure.level !== 'none') this.easeMemory();
    this.wantEvidence([...memory.wantedEvidence]);
    if (memory.targets !== null) this.aim(memory.targets);
    return null;
  }

  #state(state: wire.State, sequence: bigint, at: Moment): Closing | null {
    const memory = this.#memory;
    const { reading } = state;
    if (reading === undefined) return brokenProtocol('bad-state', 'a State of no reading');
    if (reading.number < memory.reading) return brokenProtocol('old-reading', 'a reading older than the last');
    if (this.#awaitsWhole && !state.whole) {
      if (this.#resyncAt === null) this.#resync(at);
      return null;
    }
    const claimed = claimsAfter(memory.claims, state);
    if (claimed.kind === 'malformed') return brokenProtocol('bad-state', `a State with ${claimed.message}`);
    if (claimed.kind === 'astray' || !this.#follows(claimed)) {
      this.#resync(at);
      return null;
    }
    this.#awaitsWhole = false;
    this.#resyncAt = null;
    memory.reading = reading.number;
    memory.claims = claimed.claims;
    this.#reading = { reading: `${this.#epoch}/${reading.number}`, readAt: at.wall - reading.ageMs };
    this.#stateSequence = sequence;
    this.#stateAt = at.monotonic;
    this.#sync.begin(claimed.claims, state.whole ? new Set() : claimed.changedParts, state.whole);
    return null;
  }

  /** Whether the changed leaves lead to the root that the State tells. */
  #follows({ claims: { root }, tableChange }: Extract<Claimed, { readonly kind: 'claims' }>): boolean {
    if (tableChange === null || root === null) return true;
    return this.#shared.store.change(tableChange.base, tableChange.leaves, root) !== 'mismatch';
  }

  #report(tree: KeptTree | null): void {
    const { claims, node } = this.#memory;
    if (claims === null) return;
    const report = nodeReport({ node, ...this.#reading }, claims, tree, this.#shared.store);
    this.#memory.reportedSequence = this.#stateSequence;
    this.#shared.counts.reports++;
    this.#outlet.emit({ kind: 'report', report, sequence: this.#stateSequence });
  }

  /** Messages are missing: what was said since the last whole State is not to be trusted. */
  #lose(at: Moment): void {
    this.#shared.counts.gaps++;
    this.#uploads.reset();
    this.#emitLost('messages of its agent are missing');
    this.#resync(at);
  }

  #resync(at: Moment): void {
    this.#sync.end();
    this.#memory.claims = null;
    this.#awaitsWhole = true;
    this.#resyncAt = at.monotonic;
    this.#shared.counts.resyncs++;
    this.#send({ $case: 'resync', value: {} });
  }

  #ask(digests: readonly string[]): void {
    this.#shared.counts.wants += digests.length;
    this.#send({ $case: 'want', value: { digests: digests.map(digestBytes) } });
  }

  #beat({ metrics, ways }: wire.Heartbeat, at: Moment): Closing | null {
    const figures = metrics === undefined ? null : agentFigures(metrics);
    const told = ways === undefined ? null : decodeWays(ways);
    if (told !== null && !told.ok) return brokenProtocol('bad-ways', `a Heartbeat with ${told.message}`);
    this.#heard({ figures, ways: told === null ? null : agentWays(told.value, at.wall) }, at);
    return null;
  }

  #heard(told: Told, at: Moment): void {
    if (told.figures === null && told.ways === null && at.monotonic - this.#heardAt < heardEveryMs) return;
    this.#heardAt = at.monotonic;
    this.#outlet.emit({ kind: 'heard', node: this.#memory.node, at: at.wall, ...told });
  }

  #send(command: Command): void {
    if (!this.#isClosed) this.#outlet.send(command);
  }

  #emitLost(reason: string): void {
    this.#outlet.emit({ kind: 'lost', node: this.#memory.node, reason, at: this.#wall });
  }

  #close(closing: Closing): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sync.end();
    const isItsFault = closing.code === 'invalid-argument' || closing.code === 'resource-exhausted';
    if (this.#epoch !== null && isItsFault) this.#emitLost(closing.message);
    this.#outlet.close(closing);
  }
}

function throttled(retryAfterMs: number): Closing {
  const message = 'throttled: the node sent more than its share';
  return { code: 'resource-exhausted', reason: 'throttled', message, retryAfterMs };
}
