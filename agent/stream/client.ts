/** Keeps a stream to the aggregator for as long as the agent lives: dials, talks, and dials again. */
import { randomBytes } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { Prefix } from '../../proto/address.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ReadingSource } from '../reading.ts';
import { backoffMs, spreadMs } from './backoff.ts';
import { Channels, connects } from './channels.ts';
import { Conversation, type Ending } from './conversation.ts';
import { readToken, staysHere, type StreamCredentials } from './credentials.ts';
import { Session, type SessionCounts } from './session.ts';

export interface StreamOptions {
  readonly source: ReadingSource;
  /** `host:port`, `[::1]:port` or `unix:PATH`, tried in turn. */
  readonly addresses: readonly string[];
  readonly nodeName: string;
  readonly agentVersion: string;
  readonly credentials: StreamCredentials;
  /** A random part of this passes before the first dial, and after a stream that had worked. */
  readonly dialSpreadSeconds: number;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Where pods are, for probe targets; none are accepted without. */
  readonly podRanges?: readonly Prefix[];
  readonly clock?: Clock;
  readonly random?: () => number;
}

const dialDeadlineMs = 10_000;
/** The most of what a server gives as its reason that goes into the log. */
const longestDetails = 300;

/** One per process. */
export class AgentStream {
  readonly #options: Required<StreamOptions>;
  readonly #session: Session;
  readonly #channels: Channels;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /** @throws when there is no address, or one where others could read what is sent. */
  constructor(options: StreamOptions) {
    const { addresses, credentials, nodeName, agentVersion } = options;
    if (addresses.length === 0) throw new Error('stream to the aggregator: no address to dial');
    const open = addresses.find((address) => credentials.caFile === null && !staysHere(address));
    if (open !== undefined) throw new Error(`stream to ${open}: needs a CA file, plain text is for this machine only`);
    this.#options = { podRanges: [], clock: systemClock, random: Math.random, ...options };
    const { podRanges } = this.#options;
    this.#session = new Session({ epoch: randomBytes(16), agentVersion, nodeName, podRanges });
    this.#channels = new Channels(credentials);
  }

  /** What happened since the start. */
  get counts(): SessionCounts {
    return this.#session.counts;
  }

  /** Streams until `stop`. */
  run(): Promise<void> {
    this.#running = this.#keepStreaming();
    return this.#running;
  }

  /** Closes the stream, and lets `run` end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#channels.close();
  }

  async #keepStreaming(): Promise<void> {
    const { addresses, clock, dialSpreadSeconds, random } = this.#options;
    const { signal } = this.#stopping;
    let turn = 0;
    let failures = 0;
    let pauseMs = spreadMs(dialSpreadSeconds, random);
    while (!signal.aborted) {
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      const ending = await this.#stream(addresses[turn % addresses.length] ?? '');
      const worked = ending?.wasHeard === true;
      failures = worked ? 0 : failures + 1;
      if (!worked) turn++;
      pauseMs = this.#pauseAfter(ending, failures);
    }
  }

  #pauseAfter(ending: Ending | null, failures: number): number {
    const { dialSpreadSeconds, random } = this.#options;
    // Who is told that it dials too often does not go on at the pace of somebody who found a closed door.
    const steps = ending?.code === status.RESOURCE_EXHAUSTED ? Number.POSITIVE_INFINITY : Math.max(1, failures);
    const spread = failures === 0 ? spreadMs(ending?.reconnectWithinSeconds ?? dialSpreadSeconds, random) : 0;
    return Math.max(ending?.retryAfterMs ?? 0, spread, backoffMs(steps, random));
  }

  /** One stream; null when it could not be opened. */
  async #stream(address: string): Promise<Ending | null> {
    const { credentials, source, clock, log } = this.#options;
    const { signal } = this.#stopping;
    const channel = this.#channels.to(address);
    if (!channel.ok) return this.#couldNotDial(address, channel.reason);
    const state = await connects(channel.value, dialDeadlineMs, signal);
    if (signal.aborted) return null;
    if (state === 'late') return this.#couldNotDial(address, `no connection within ${dialDeadlineMs / 1000} s`);
    // Read when it is needed, not before: the connection may have taken a while.
    const token = readToken(address, credentials);
    if (!token.ok) return this.#couldNotDial(address, token.reason);
    if (state === 'ready') log.info({ address }, 'connected to the aggregator');
    const call = channel.value.report(token.value);
    const ending = await new Conversation(call, this.#session, { source, clock, stopping: signal }).run();
    this.#logEnding(address, ending);
    return ending;
  }

  #couldNotDial(address: string, reason: string): null {
    this.#options.log.warn({ address, reason }, 'could not dial the aggregator');
    return null;
  }

  #logEnding(address: string, { code, details, wasHeard }: Ending): void {
    const { log } = this.#options;
    const fields = { address, code: status[code] ?? code, details: details.slice(0, longestDetails) };
    if (!wasHeard) log.warn(fields, 'the aggregator did not take the stream');
    else log.info({ ...fields, unacknowledged: Number(this.counts.unacknowledged) }, 'the stream ended');
  }
}
