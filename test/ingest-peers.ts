/** Peers of a real ingest server: agents that keep the protocol by hand, and raw HTTP/2 for those that do not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChannelOptions, credentials, Metadata } from '@grpc/grpc-js';
import { Session as AgentSession } from '../agent/stream/session.ts';
import type { NodeReading } from '../agent/reading.ts';
import type { IngestLimits } from '../aggregator/ingest/limits.ts';
import type { ListenerOptions } from '../aggregator/ingest/listener.ts';
import { IngestServer } from '../aggregator/ingest/server.ts';
import type { AgentEvent } from '../aggregator/model/feeds.ts';
import {
  AgentServiceClient,
  type ReportRequest,
  type ReportResponse,
} from '../proto/generated/plumbline/agent/v1/agent.ts';
import { nothingKnown } from './ingest-by-hand.ts';

export const reportPath = '/plumbline.agent.v1.AgentService/Report';

/** A running server with its events, and a folder for its sockets. */
export class RunningIngest {
  readonly events: AgentEvent[] = [];
  readonly server: IngestServer;
  /** Added to both clocks. */
  skewMs = 0;
  /** Of its memory, by the aggregator. */
  heldShare = 0;
  readonly folder = mkdtempSync(join(tmpdir(), 'plumbline-ingest-'));
  readonly #waiting = new Set<() => void>();

  constructor(
    nodes: readonly string[],
    other: { listeners?: readonly ListenerOptions[]; limits?: Partial<IngestLimits> } = {},
  ) {
    const sockets = nodes.map((node): ListenerOptions => ({ kind: 'unix', path: this.socket(node), node }));
    const ignore = () => {};
    this.server = new IngestServer({
      listeners: [...sockets, ...(other.listeners ?? [])],
      known: nothingKnown,
      now: () => Date.now() + this.skewMs,
      monotonic: () => performance.now() + this.skewMs,
      log: { info: ignore, warn: ignore, error: ignore },
      limits: other.limits ?? {},
      memory: () => this.heldShare,
    });
    this.server.subscribe((event) => {
      this.events.push(event);
      for (const check of this.#waiting) check();
    });
  }

  socket(node: string): string {
    return join(this.folder, `${node}.sock`);
  }

  async stop(): Promise<void> {
    await this.server.stop(false);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Resolves once an event like this has come. */
  until(isIt: (event: AgentEvent) => boolean): Promise<AgentEvent> {
    return new Promise((resolve) => {
      const check = () => {
        const found = this.events.find(isIt);
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Kinds of the events of one node, without `heard`. */
  kinds(node: string): readonly string[] {
    return this.events.flatMap((event) => {
      const name = event.kind === 'report' ? event.report.node : event.node;
      return name === node && event.kind !== 'heard' ? [event.kind] : [];
    });
  }

  /** The value of a figure; 0 where it is not told. */
  figure(name: string, label?: string): number {
    const told = this.server
      .figures()
      .find(
        (one) =>
          one.name === `plumbline_${name}` && (label === undefined || Object.values(one.labels ?? {}).includes(label)),
      );
    return told?.value ?? 0;
  }
}

export interface StreamEnd {
  readonly code: number;
  readonly details: string;
  readonly retryAfterMs: string | null;
}

/** An agent over real gRPC. */
export class GrpcAgent {
  readonly commands: ReportResponse[] = [];
  /** How the stream ended. */
  readonly ended: Promise<StreamEnd>;
  readonly #client: InstanceType<typeof AgentServiceClient>;
  readonly #call: ReturnType<InstanceType<typeof AgentServiceClient>['report']>;
  readonly #session: AgentSession;
  #sequence = 0n;

  constructor(
    address: string,
    node: string,
    other: {
      readonly token?: string;
      readonly ca?: string;
      readonly options?: ChannelOptions;
      readonly epoch?: number;
    } = {},
  ) {
    const { token, ca, options, epoch = 1 } = other;
    const secure = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
    this.#client = new AgentServiceClient(address, secure, {
      'grpc.enable_retries': 0,
      'grpc.enable_channelz': 0,
      // One connection each: several agents of a test live in one process.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.ssl_target_name_override': 'aggregator.test',
      ...options,
    });
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    this.#session = new AgentSession({
      epoch: new Uint8Array(16).fill(epoch),
      agentVersion: '0.1.0',
      nodeName: node,
    });
    this.#call = this.#client.report(metadata);
    this.#call.on('data', (response: ReportResponse) => {
      this.commands.push(response);
      this.#session.take(response);
      this.talk();
    });
    this.#call.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#call.on('status', ({ code, details, metadata: trailers }) => {
        const [retryAfterMs] = trailers.get('retry-after-ms');
        resolve({ code, details, retryAfterMs: retryAfterMs === undefined ? null : String(retryAfterMs) });
      });
    });
  }

  read(reading: NodeReading): void {
    this.#session.observe(reading);
    this.talk();
  }

  talk(): void {
    for (let message = this.#session.next(0); message !== null; message = this.#session.next(0)) this.send(message);
  }

  send(message: ReportRequest): void {
    this.#sequence = message.sequence;
    this.#call.write(message);
  }

  /** A message next in sequence. */
  say(message: ReportRequest['message']): void {
    this.send({ sequence: this.#sequence + 1n, message });
  }

  hangUp(): void {
    this.#call.end();
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}

/** HTTP/2 over a unix socket. */
export function rawUnix(path: string): ClientHttp2Session {
  const session = connectHttp2('http://localhost', { createConnection: () => connectTcp(path) });
  session.on('error', () => {});
  return session;
}

/** HTTP/2 over TLS to a port of loopback. */
export function rawTls(port: number, ca: string): ClientHttp2Session {
  const options = { port, host: '127.0.0.1', servername: 'aggregator.test', ca, ALPNProtocols: ['h2'] };
  const session = connectHttp2('https://aggregator.test', { createConnection: () => connectTls(options) });
  session.on('error', () => {});
  return session;
}

export interface RawAnswer {
  /** The HTTP status; null when the stream ended without one. */
  readonly http: number | null;
  /** The gRPC status; null without one. */
  readonly grpc: number | null;
}

/** One raw stream: headers beside those of a call, and a body. Resolves with its status, or when it is closed. */
export function rawCall(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: readonly Uint8Array[] = [],
  { ends = true } = {},
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const stream = session.request(
      { ':method': 'POST', ':path': reportPath, 'content-type': 'application/grpc', te: 'trailers', ...headers },
      { endStream: false },
    );
    let http: number | null = null;
    let grpc: number | null = null;
    const note = (told: Record<string, unknown>) => {
      if (told[':status'] !== undefined) http = Number(told[':status']);
      if (told['grpc-status'] === undefined) return;
      grpc = Number(told['grpc-status']);
      resolve({ http, grpc });
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => {});
    stream.on('close', () => resolve({ http, grpc }));
    stream.resume();
    for (const piece of body) stream.write(piece);
    if (ends) stream.end();
  });
}

/** A gRPC message: its prefix, and what it holds. */
export function framed(payload: Uint8Array, { compressed = false, declared = payload.length } = {}): Uint8Array {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(compressed ? 1 : 0, 0);
  prefix.writeUInt32BE(declared, 1);
  return Buffer.concat([prefix, payload]);
}
