/** One stream from its first message to its end: what the session says goes out as fast as the other side takes it. */
import type { ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import type { ReportRequest, ReportResponse, Target } from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { Clock } from '../clock.ts';
import type { ReadingSource } from '../reading.ts';
import type { Effect, Session, ToldWays } from './session.ts';

/** What a conversation needs of its surroundings; tests have their own. */
export interface Surroundings {
  readonly source: ReadingSource;
  readonly clock: Clock;
  /** Says that the agent stops. */
  readonly stopping: AbortSignal;
  /** How the ways to the aggregator go. */
  readonly ways: () => ToldWays;
  /** Takes the targets of probes that the aggregator names; they are not checked yet. */
  readonly aim: (targets: readonly Target[]) => void;
}

/** How a stream ended. */
export interface Ending {
  readonly code: number;
  readonly details: string;
  /** The aggregator said anything on it. */
  readonly wasHeard: boolean;
  /** The aggregator asked to be dialed again within so many seconds; null when it did not. */
  readonly reconnectWithinSeconds: number | null;
  /** So long the aggregator wants no further dial; null when it did not say. */
  readonly retryAfterMs: number | null;
}

type Call = ClientDuplexStream<ReportRequest, ReportResponse>;

const heartbeatMs = 10_000;
/** After the agent has closed its side, so long the other may take to close its own. */
const closingMs = 1_000;
/** Messages that are on their way to the kernel. More would be readings that nobody can take back. */
const mostUnderWay = 2;
const longestRetryMs = 300_000;

export class Conversation {
  readonly #call: Call;
  readonly #session: Session;
  readonly #around: Surroundings;
  readonly #over = new AbortController();
  #underWay = 0;
  #isFull = false;
  #isClosing = false;
  #wasHeard = false;
  #reconnectWithinSeconds: number | null = null;

  constructor(call: Call, session: Session, around: Surroundings) {
    this.#call = call;
    this.#session = session;
    this.#around = around;
  }

  /** Talks until the stream ends, for whatever reason. Never rejects. */
  async run(): Promise<Ending> {
    const { source, stopping } = this.#around;
    const ended = this.#ended();
    this.#session.begin();
    const latest = source.latest();
    if (latest !== null) this.#session.observe(latest);
    const unsubscribe = source.subscribe((reading) => {
      this.#session.observe(reading);
      this.#pump();
    });
    const close = (): void => this.#close();
    stopping.addEventListener('abort', close, { once: true });
    if (stopping.aborted) close();
    const beating = this.#beat();
    this.#pump();
    const status = await ended;
    this.#over.abort();
    stopping.removeEventListener('abort', close);
    unsubscribe();
    source.slowDown(null);
    await beating;
    return this.#endingOf(status);
  }

  /** The last event of every stream. What it ends with is in it, so `error` has nothing to add. */
  #ended(): Promise<StatusObject> {
    const call = this.#call;
    call.on('data', (response: ReportResponse) => {
      this.#wasHeard = true;
      this.#perform(this.#session.take(response));
      this.#pump();
    });
    call.on('drain', () => {
      this.#isFull = false;
      this.#pump();
    });
    call.on('error', () => this.#over.abort());
    return new Promise((resolve) => call.on('status', resolve));
  }

  /** Sends what there is to say, as long as there is room. */
  #pump(): void {
    while (!this.#isFull && !this.#isClosing && !this.#over.signal.aborted && this.#underWay < mostUnderWay) {
      const message = this.#session.next(this.#around.clock.monotonicMs());
      if (message === null) return;
      this.#underWay++;
      this.#isFull = !this.#call.write(message, () => {
        this.#underWay--;
        this.#pump();
      });
    }
  }

  async #beat(): Promise<void> {
    const { source, clock, ways } = this.#around;
    while (!this.#over.signal.aborted) {
      this.#session.beat(source.figures(), clock.now().getTime(), ways());
      this.#pump();
      await clock.sleep(heartbeatMs, this.#over.signal);
    }
  }

  #perform(effect: Effect): void {
    const { source, aim } = this.#around;
    if (effect.kind === 'evidence') source.wantEvidence(effect.entries);
    if (effect.kind === 'targets') aim(effect.targets);
    if (effect.kind === 'slowDown') source.slowDown(effect.seconds);
    if (effect.kind === 'reconnect') {
      this.#reconnectWithinSeconds = effect.withinSeconds;
      this.#close();
    }
  }

  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#call.end();
    void this.#around.clock.sleep(closingMs, this.#over.signal).then(() => this.#call.cancel());
  }

  #endingOf({ code, details, metadata }: StatusObject): Ending {
    const [retryAfter] = metadata.get('retry-after-ms');
    const ms = typeof retryAfter === 'string' && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : null;
    return {
      code,
      details,
      wasHeard: this.#wasHeard,
      reconnectWithinSeconds: this.#reconnectWithinSeconds,
      retryAfterMs: ms === null ? null : Math.min(ms, longestRetryMs),
    };
  }
}
