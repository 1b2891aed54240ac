/** An aggregator behind a real socket that does what a test says, and a clock for the agent that dials it. */
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '../agent/clock.ts';
import {
  AgentServiceService,
  type ReportRequest,
  type ReportResponse,
} from '../proto/generated/plumbline/agent/v1/agent.ts';
import { type Answer, MirrorAggregator } from './mirror-aggregator.ts';

export type Call = ServerDuplexStream<ReportRequest, ReportResponse>;

/** Sleeps are written down, and end at once: all but the heartbeat's, which end when the test says so. */
export class ScriptedClock implements Clock {
  readonly pauses: number[] = [];
  readonly #beats: (() => void)[] = [];

  now(): Date {
    return new Date('2026-11-22T10:00:00Z');
  }

  monotonicMs(): number {
    return 0;
  }

  beat(): void {
    for (const wake of this.#beats.splice(0)) wake();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms !== 10_000) this.pauses.push(ms);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (ms === 10_000 && !signal.aborted) this.#beats.push(resolve);
      else setTimeout(resolve, Math.min(ms, 5));
    });
  }
}

/** An aggregator on a unix socket, of whose streams each has its own script. */
export class ScriptedAggregator {
  readonly tokens: unknown[] = [];
  readonly mirror = new MirrorAggregator();
  calls: Call[] = [];
  readonly #server = new Server();
  readonly #scripts: ((call: Call) => void)[] = [];
  #streams = 0;
  #waiting: (() => void)[] = [];

  /** What the next stream meets; the mirror unless said. */
  script(...scripts: readonly ((call: Call) => void)[]): this {
    this.#scripts.push(...scripts);
    return this;
  }

  async listen(path: string): Promise<void> {
    this.#server.addService(AgentServiceService, { report: (call: Call) => this.#report(call) });
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(path, ServerCredentials.createInsecure(), (cause) => (cause ? reject(cause) : resolve()));
    });
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** Waits until something holds that messages bring about. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  say(message: Answer): void {
    this.calls.at(-1)?.write({ message });
  }

  #report(call: Call): void {
    this.tokens.push(call.metadata.get('authorization'));
    this.calls.push(call);
    call.on('error', () => this.#wake());
    const script = this.#scripts.shift();
    if (this.#streams++ > 0) this.mirror.reconnect();
    if (script !== undefined) script(call);
    else this.#reflect(call);
    this.#wake();
  }

  #reflect(call: Call): void {
    call.on('data', (request: ReportRequest) => {
      const answer = this.mirror.take(request) ?? this.mirror.want();
      if (answer !== null && !(answer.$case === 'want' && request.message?.$case === 'chunk' && !isLast(request))) {
        call.write({ message: answer });
      }
      this.#wake();
    });
    call.on('end', () => call.end());
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function isLast({ message }: ReportRequest): boolean {
  return message?.$case === 'chunk' && message.value.end !== undefined;
}
