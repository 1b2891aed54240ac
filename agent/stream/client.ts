/** Keeps a stream to the aggregator for as long as the agent lives: dials, talks, and dials again. */
import { randomBytes } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { AgentServiceClient, Target } from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ReadingSource } from '../reading.ts';
import { staysHere } from './address.ts';
import { backoffMs, spreadMs } from './backoff.ts';
import { Channels, connects } from './channels.ts';
import { connectionFailure } from './connection-failure.ts';
import { Conversation, type Ending } from './conversation.ts';
import { readToken, type StreamCredentials } from './credentials.ts';
import { Session, type SessionCounts } from './session.ts';
import { type Trial, tryWay } from './try-way.ts';
import { WayList } from './way-list.ts';
import { WayTries } from './way-tries.ts';
import { Ways } from './ways.ts';

export interface StreamOptions {
  readonly source: ReadingSource;
  /** `host:port`, `[::1]:port` or `unix:PATH`, tried in turn. */
  readonly addresses: readonly string[];
  /** Further addresses, one a line, read anew before each dial and tried after those; null = none. */
  readonly addressesFile?: string | null;
  readonly nodeName: string;
  readonly agentVersion: string;
  readonly credentials: StreamCredentials;
  /** A random part of this passes before the first dial, and after a stream that had worked. */
  readonly dialSpreadSeconds: number;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Takes the targets of probes that the aggregator names; they are not checked yet. */
  readonly aim?: (targets: readonly Target[]) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Tries a way without a stream; a real connection unless a test says otherwise. */
  readonly attempt?: (address: string, signal: AbortSignal) => Promise<Trial>;
}

const dialDeadlineMs = 10_000;
/** The most of what a server gives as its reason that goes into the log. */
const longestDetails = 300;

/** One per process. */
export class AgentStream {
  readonly #options: Required<StreamOptions>;
  readonly #session: Session;
  readonly #channels: Channels;
  readonly #list: WayList;
  readonly #ways = new Ways();
  readonly #tries: WayTries;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /** @throws when there is no address, or one where others could read what is sent. */
  constructor(options: StreamOptions) {
    const { addresses, credentials, nodeName, agentVersion } = options;
    if (addresses.length === 0) throw new Error('stream to the aggregator: no address to dial');
    const open = addresses.find((address) => credentials.caFile === null && !staysHere(address));
    if (open !== undefined) throw new Error(`stream to ${open}: needs a CA file, plain text is for this machine only`);
    const attempt = (address: string, signal: AbortSignal) => tryWay(address, credentials, signal);
    this.#options = {
      addressesFile: null,
      aim: () => undefined,
      clock: systemClock,
      random: Math.random,
      attempt,
      ...options,
    };
    const { addressesFile } = this.#options;
    this.#session = new Session({ epoch: randomBytes(16), agentVersion, nodeName });
    this.#channels = new Channels(credentials);
    this.#list = new WayList({ addresses, addressesFile, isPlain: credentials.caFile === null });
    this.#tries = new WayTries({ ...this.#options, list: this.#list, ways: this.#ways });
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
    const { clock, dialSpreadSeconds, random } = this.#options;
    const { signal } = this.#stopping;
    let address: string | null = null;
    let failures = 0;
    let pauseMs = spreadMs(dialSpreadSeconds, random);
    while (!signal.aborted) {
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      // Over what worked it is dialed again, else over the next.
      address = this.#nextAddress(address, failures === 0);
      const ending = await this.#stream(address);
      failures = ending?.wasHeard === true ? 0 : failures + 1;
      pauseMs = this.#pauseAfter(ending, failures);
    }
  }

  /** The ways in turn, as far as there are any now. */
  #nextAddress(last: string | null, worked: boolean): string {
    const before = this.#list.badLines;
    const listed = this.#list.read();
    const { badLines } = this.#list;
    if (badLines !== before && badLines > 0) {
      this.#options.log.warn({ file: this.#options.addressesFile, lines: badLines }, 'lines that are no address');
    }
    this.#ways.listed(listed);
    const addresses = listed.map(({ address }) => address);
    const at = last === null ? -1 : addresses.indexOf(last);
    const next = worked && at >= 0 ? at : (at + 1) % addresses.length;
    return addresses[next] ?? '';
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
    const { credentials, clock, log } = this.#options;
    const { signal } = this.#stopping;
    this.#tries.dialed(address);
    const channel = this.#channels.to(address);
    if (!channel.ok) return this.#couldNotDial(address, channel.reason);
    const state = await connects(channel.value, dialDeadlineMs, signal);
    if (signal.aborted) return null;
    if (state === 'late') {
      this.#ways.failed(address, 'timeout', clock.monotonicMs());
      return this.#couldNotDial(address, `no connection within ${dialDeadlineMs / 1000} s`);
    }
    // Read when it is needed, not before: the connection may have taken a while.
    const token = readToken(address, credentials);
    if (!token.ok) return this.#couldNotDial(address, token.reason);
    const call = channel.value.report(token.value);
    if (state === 'failed') return this.#failed(address, await this.#talk(call));
    log.info({ address }, 'connected to the aggregator');
    this.#ways.use(address, clock.monotonicMs());
    const over = new AbortController();
    const tries = this.#tries.run(address, AbortSignal.any([signal, over.signal]));
    const ending = await this.#talk(call);
    over.abort();
    await tries;
    this.#ways.leave(address, clock.monotonicMs());
    this.#logEnding(address, ending);
    return ending;
  }

  #talk(call: ReturnType<AgentServiceClient['report']>): Promise<Ending> {
    const { source, clock, aim } = this.#options;
    const ways = () => ({ known: this.#ways.list(), badAddressLines: this.#list.badLines });
    return new Conversation(call, this.#session, { source, clock, stopping: this.#stopping.signal, ways, aim }).run();
  }

  /** The dial had failed, so the call ended at once, and says why: unless the channel has come about meanwhile. */
  #failed(address: string, ending: Ending): Ending {
    const now = this.#options.clock.monotonicMs();
    if (ending.wasHeard) this.#ways.worked(address, now);
    else this.#ways.failed(address, connectionFailure(ending.details) ?? 'unreachable', now);
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
