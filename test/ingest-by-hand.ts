/**
 * Agents and the aggregator's sessions for them, joined without a network: the real agent's side talks, and a test may
 * put words into its mouth.
 */
import { Session as AgentSession } from '../agent/stream/session.ts';
import type { NodeReading } from '../agent/reading.ts';
import { AgentMemory } from '../aggregator/ingest/agent-memory.ts';
import type { Closing } from '../aggregator/ingest/closing.ts';
import { ContentStore } from '../aggregator/ingest/content-store.ts';
import { IngestCounts } from '../aggregator/ingest/counts.ts';
import { defaultLimits, type IngestLimits, SharedBytes } from '../aggregator/ingest/limits.ts';
import { MemoryPressure } from '../aggregator/ingest/memory-pressure.ts';
import type { Moment } from '../aggregator/ingest/moment.ts';
import { type Command, Session } from '../aggregator/ingest/session.ts';
import type { SessionShared } from '../aggregator/ingest/session-shared.ts';
import { Wants } from '../aggregator/ingest/wants.ts';
import type { AgentEvent, KnownLeaves, NodeReport } from '../aggregator/model/feeds.ts';
import * as wire from '../proto/generated/plumbline/agent/v1/agent.ts';

export type Message = NonNullable<wire.ReportRequest['message']>;

export const nothingKnown: KnownLeaves = { leaf: () => null, tree: () => null };

/** What the sessions of one aggregator share, on a clock that a test moves. */
export class IngestByHand {
  readonly events: AgentEvent[] = [];
  readonly shared: SessionShared;
  /** Of its memory, by the aggregator. */
  heldShare = 0;
  readonly at: { wall: number; monotonic: number } = { wall: Date.UTC(2026, 10, 22, 10), monotonic: 0 };

  constructor(known: KnownLeaves = nothingKnown, limits: Partial<IngestLimits> = {}) {
    const all = { ...defaultLimits, ...limits };
    const monotonic = () => this.at.monotonic;
    const pressure = new MemoryPressure(() => this.heldShare);
    this.shared = {
      store: new ContentStore(known),
      wants: new Wants({
        slots: all.uploadSlots,
        monotonic,
        mayBegin: ({ isNew }) => pressure.level === 'none' || !isNew,
        defer: (run) => run(),
      }),
      pressure,
      counts: new IngestCounts(),
      uploads: new SharedBytes(all.uploadMemoryBytes),
      limits: all,
    };
  }

  pass(seconds: number): void {
    this.at.wall += seconds * 1000;
    this.at.monotonic += seconds * 1000;
  }

  now(): Moment {
    return { ...this.at };
  }

  node(name: string): JoinedNode {
    return new JoinedNode(name, this);
  }

  /** The reports of one node, oldest first. */
  reports(node: string): readonly NodeReport[] {
    return this.events.flatMap((event) =>
      event.kind === 'report' && event.report.node === node ? [event.report] : [],
    );
  }

  /** Kinds of the events of one node, without `heard`. */
  kinds(node: string): readonly string[] {
    return this.events.flatMap((event) => {
      const name = event.kind === 'report' ? event.report.node : event.node;
      return name !== node || event.kind === 'heard'
        ? []
        : [event.kind === 'lost' ? `lost: ${event.reason}` : event.kind];
    });
  }
}

/** One node's agent, and its stream. */
export class JoinedNode {
  readonly name: string;
  readonly memory: AgentMemory;
  /** Commands since the last look, whether the agent took them or not. */
  commands: Command[] = [];
  closing: Closing | null = null;
  /** Protobuf bytes of the agent's messages. */
  bytes = 0;
  /** The agent is silent: what it would say stays with it. */
  isMute = false;
  readonly #ingest: IngestByHand;
  #agent: AgentSession;
  #session: Session;
  #sequence = 0n;
  #epochs = 0;

  constructor(name: string, ingest: IngestByHand) {
    this.name = name;
    this.#ingest = ingest;
    this.memory = new AgentMemory(name, ingest.shared.limits);
    this.#agent = this.#newAgent();
    this.#session = this.#newSession();
  }

  get session(): Session {
    return this.#session;
  }

  /** The number of the last message that the aggregator got. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** The agent has read its node; both sides talk until nothing is left to say. */
  read(reading: NodeReading): void {
    this.#agent.observe(reading);
    this.talk();
  }

  /** What the agent has to say, until it has nothing more. @param most messages at most. */
  talk(most = Number.POSITIVE_INFINITY): void {
    for (let count = 0; count < most && !this.isMute && this.closing === null; count++) {
      const message = this.#agent.next(0);
      if (message === null) return;
      this.hear(message);
    }
  }

  /** A message of any sequence, as it comes over the wire. */
  hear(message: wire.ReportRequest): void {
    const bytes = wire.ReportRequest.encode(message).finish();
    this.bytes += bytes.length;
    this.#sequence = message.sequence;
    this.#session.receive(wire.ReportRequest.decode(bytes), bytes.length, this.#ingest.now());
  }

  /** Puts words into the agent's mouth, next in sequence. The real agent must not speak after that. */
  say(message: Message): void {
    this.hear({ sequence: this.#sequence + 1n, message });
  }

  tick(): void {
    this.#session.tick(this.#ingest.now());
  }

  /** The stream breaks. */
  cut(): void {
    this.#session.end(this.#ingest.now());
  }

  /** The same agent dials again. */
  dial(): void {
    this.#session = this.#newSession();
    this.closing = null;
    this.commands = [];
    this.#agent.begin();
    this.talk();
  }

  /** A new process of the agent dials. */
  restart(): void {
    this.#agent = this.#newAgent();
    this.dial();
  }

  /** The commands since the last look, by kind. */
  takeCommands(): readonly string[] {
    const kinds = this.commands.map((command) =>
      command.$case === 'want' ? `want ${command.value.digests.length}` : command.$case,
    );
    this.commands = [];
    return kinds;
  }

  #newAgent(): AgentSession {
    this.#epochs++;
    const epoch = new Uint8Array(16).fill(this.#epochs);
    return new AgentSession({ epoch, agentVersion: '0.1.0', nodeName: this.name });
  }

  #newSession(): Session {
    const outlet = {
      send: (command: Command) => {
        this.commands.push(command);
        const bytes = wire.ReportResponse.encode({ message: command }).finish();
        this.#agent.take(wire.ReportResponse.decode(bytes));
      },
      emit: (event: AgentEvent) => {
        this.#ingest.events.push(event);
      },
      close: (closing: Closing) => {
        this.closing = closing;
      },
      admit: () => null,
    };
    return new Session(this.memory, this.#ingest.shared, outlet, this.#ingest.now());
  }
}
