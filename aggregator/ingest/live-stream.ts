/** One stream of an authenticated agent: its session, and the transport that carries it. */
import type { AgentEvent, ProbeTarget } from '../model/feeds.ts';
import type { AgentMemory } from './agent-memory.ts';
import type { Identity } from './authenticate.ts';
import type { Closing } from './closing.ts';
import type { IncomingCall } from './grpc-server.ts';
import type { Moment } from './moment.ts';
import { type Command, Session } from './session.ts';
import type { SessionShared } from './session-shared.ts';

export interface LiveStreamOutlet {
  emit(event: AgentEvent): void;
  /** The stream said Hello. @returns why it may not speak for its node; null when it may. */
  admit(stream: LiveStream): Closing | null;
  ended(stream: LiveStream): void;
}

export class LiveStream {
  readonly identity: Identity;
  readonly memory: AgentMemory;
  /** Pods that spoke for the node before the pod of this stream did. */
  supersedes: ReadonlySet<string> = new Set();
  readonly #incoming: IncomingCall;
  readonly #session: Session;
  readonly #shared: SessionShared;
  readonly #outlet: LiveStreamOutlet;
  readonly #clock: () => Moment;
  #isEnded = false;

  constructor(
    incoming: IncomingCall,
    owner: { readonly identity: Identity; readonly memory: AgentMemory },
    shared: SessionShared,
    surroundings: { readonly outlet: LiveStreamOutlet; readonly clock: () => Moment },
  ) {
    this.identity = owner.identity;
    this.memory = owner.memory;
    this.#incoming = incoming;
    this.#shared = shared;
    this.#outlet = surroundings.outlet;
    this.#clock = surroundings.clock;
    const outlet = {
      send: (command: Command) => this.#send(command),
      emit: (event: AgentEvent) => this.#outlet.emit(event),
      close: (closing: Closing) => this.close(closing),
      admit: () => this.#outlet.admit(this),
    };
    this.#session = new Session(owner.memory, shared, outlet, this.#clock());
  }

  /** Begins to read. Each message is handled before the next is read, so an agent cannot get ahead of this side. */
  begin(): void {
    const { call } = this.#incoming;
    call.on('data', ({ request, bytes }) => this.#session.receive(request, bytes, this.#clock()));
    call.once('end', () => call.end());
    call.once('cancelled', () => this.#end());
  }

  tick(at: Moment): void {
    const { expiresAt } = this.identity;
    if (expiresAt === null || at.wall < expiresAt) {
      this.#session.tick(at);
      return;
    }
    this.close({ code: 'unauthenticated', reason: 'token-expired', message: 'the token of the stream has expired' });
  }

  acknowledge(sequence: bigint): void {
    this.#session.acknowledge(sequence);
  }

  wantEvidence(entries: readonly string[]): void {
    this.#session.wantEvidence(entries);
  }

  aim(targets: readonly ProbeTarget[]): void {
    this.#session.aim(targets);
  }

  easeMemory(): void {
    this.#session.easeMemory();
  }

  reconnectAfter(seconds: number): void {
    this.#session.reconnectAfter(seconds);
  }

  close(closing: Closing): void {
    if (this.#isEnded) return;
    this.#shared.counts.refused.add(closing.reason);
    this.#incoming.close(closing);
    this.#end();
  }

  #send(command: Command): void {
    if (this.#isEnded) return;
    const { call } = this.#incoming;
    if (call.writableLength < this.#shared.limits.waitingCommands) {
      call.write({ message: command });
      return;
    }
    this.close({ code: 'resource-exhausted', reason: 'slow-reader', message: 'the agent does not read its commands' });
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#incoming.call.removeAllListeners('data');
    this.#session.end(this.#clock());
    this.#outlet.ended(this);
  }
}
