/**
 * One gRPC channel for each address, kept for the life of the process: channels that come and go leak (grpc-node 1085,
 * 2893). A channel is made anew only when the certificates it trusts were replaced.
 */
import { connectivityState } from '@grpc/grpc-js';
import { AgentServiceClient } from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { isSocket } from './address.ts';
import { channelCredentials, type Readied, readCa, type StreamCredentials } from './credentials.ts';

const messageBytes = 1024 * 1024;

const options = {
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  'grpc.max_reconnect_backoff_ms': 30_000,
  'grpc.max_receive_message_length': messageBytes,
  'grpc.max_send_message_length': messageBytes,
  // The address is dialed as it is: no proxy of the environment, no look-up of TXT records.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
} as const;

/** When a silent connection is asked whether it lives, and when it is given up. */
export interface Keepalive {
  readonly timeMs: number;
  readonly timeoutMs: number;
}

const defaultKeepalive: Keepalive = { timeMs: 30_000, timeoutMs: 10_000 };

interface Kept {
  readonly client: AgentServiceClient;
  readonly ca: Buffer | null;
}

/** The channels of one process. */
export class Channels {
  readonly #credentials: StreamCredentials;
  readonly #keepalive: Keepalive;
  readonly #kept = new Map<string, Kept>();

  constructor(credentials: StreamCredentials, keepalive = defaultKeepalive) {
    this.#credentials = credentials;
    this.#keepalive = keepalive;
  }

  /** The channel to an address; fails where its CA file cannot be read. */
  to(address: string): Readied<AgentServiceClient> {
    const ca = readCa(address, this.#credentials);
    if (!ca.ok) return ca;
    const kept = this.#kept.get(address);
    if (kept !== undefined && (kept.ca === ca.value || (kept.ca !== null && ca.value?.equals(kept.ca) === true))) {
      return { ok: true, value: kept.client };
    }
    kept?.client.close();
    const client = new AgentServiceClient(address, channelCredentials(ca.value), {
      ...options,
      'grpc.keepalive_time_ms': this.#keepalive.timeMs,
      'grpc.keepalive_timeout_ms': this.#keepalive.timeoutMs,
      ...this.#namesFor(address),
    });
    this.#kept.set(address, { client, ca: ca.value });
    return { ok: true, value: client };
  }

  close(): void {
    for (const { client } of this.#kept.values()) client.close();
    this.#kept.clear();
  }

  #namesFor(address: string): Readonly<Record<string, string>> {
    if (isSocket(address)) return { 'grpc.default_authority': 'localhost' };
    const { serverName, caFile } = this.#credentials;
    if (serverName === null || caFile === null) return {};
    return { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName };
  }
}

/**
 * Waits until the channel is connected. A channel that failed a moment ago is given the time to dial again.
 * @returns `failed` when that dial failed: a call then ends at once, and says why. `late` when the time is over, or the
 * signal ended the waiting.
 */
export async function connects(
  client: AgentServiceClient,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<'ready' | 'failed' | 'late'> {
  const channel = client.getChannel();
  const deadline = new Date(Date.now() + deadlineMs);
  const { CONNECTING, READY, SHUTDOWN, TRANSIENT_FAILURE } = connectivityState;
  let wasDialing = false;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === READY) return 'ready';
    if (state === SHUTDOWN || signal.aborted) return 'late';
    if (state === TRANSIENT_FAILURE && wasDialing) return 'failed';
    wasDialing ||= state === CONNECTING;
    const isLate = await changes(channel, { state, deadline, signal });
    if (isLate) return 'late';
  }
}

type Channel = ReturnType<AgentServiceClient['getChannel']>;

interface AwaitedChange {
  readonly state: connectivityState;
  readonly deadline: Date;
  readonly signal: AbortSignal;
}

/** Waits for another state of the channel; true when there was none in time. */
function changes(channel: Channel, { state, deadline, signal }: AwaitedChange): Promise<boolean> {
  return new Promise((resolve) => {
    const giveUp = (): void => resolve(true);
    signal.addEventListener('abort', giveUp, { once: true });
    channel.watchConnectivityState(state, deadline, (late) => {
      signal.removeEventListener('abort', giveUp);
      resolve(late !== undefined);
    });
  });
}
