/**
 * The gRPC side of one listener. What no agent sends is refused by its headers, before grpc-js makes anything of it:
 * grpc-js itself takes a GET for a call, and unpacks compressed messages up to the limit of each of many streams.
 */
import type { Socket } from 'node:net';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import {
  type ConnectionInjector,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
} from '@grpc/grpc-js';
import {
  AgentServiceService,
  ReportRequest,
  type ReportResponse,
} from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { Closing, ClosingCode } from './closing.ts';
import type { IngestCounts } from './counts.ts';
import type { IngestLimits } from './limits.ts';

/** One message as it came; null = bytes that are none. */
export interface IncomingMessage {
  readonly bytes: number;
  readonly request: ReportRequest | null;
}

/** One call of Report, before anything of it was read. */
export interface IncomingCall {
  readonly call: ServerDuplexStream<IncomingMessage, ReportResponse>;
  readonly authorization: string | null;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Ends the call with a status, and soon after by force, since a peer that does not read gets no status. */
  close(closing: Closing): void;
  /** Ends the call without a word. */
  abort(): void;
}

export interface GrpcServerOptions {
  readonly counts: IngestCounts;
  readonly limits: IngestLimits;
  /** Whether calls without a bearer token are refused. */
  readonly needsToken: boolean;
  readonly onCall: (call: IncomingCall) => void;
}

const maxMessageBytes = 1024 * 1024;
const abortAfterMs = 5000;
/** The status is on its way, and a peer that reads it closes the stream itself. */
const closeAfterMs = 1000;
/** Which stream a call came on: our own header, which replaces whatever a peer sends by that name. */
const streamHeader = 'plumbline-stream';

const codes: { readonly [code in ClosingCode]: status } = {
  'invalid-argument': status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  unavailable: status.UNAVAILABLE,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
};

const serverOptions = {
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
  'grpc.max_concurrent_streams': 8,
  'grpc.enable_channelz': 0,
  'grpc.max_connection_idle_ms': 5 * 60_000,
};

function lifeOptions(limits: IngestLimits) {
  return {
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_connection_age_ms': limits.connectionAgeMs,
    // Without a grace time a call that is open then would stay for ever.
    'grpc.max_connection_age_grace_ms': limits.connectionAgeGraceMs,
  };
}

const report = {
  ...AgentServiceService.report,
  requestDeserialize: (bytes: Buffer): IncomingMessage => ({ bytes: bytes.length, request: requestOf(bytes) }),
  requestSerialize: (): Buffer => Buffer.alloc(0),
};

/** The generated reader throws on bytes that are no message. */
function requestOf(bytes: Buffer): ReportRequest | null {
  try {
    return ReportRequest.decode(bytes);
  } catch {
    return null;
  }
}

interface OpenStream {
  readonly stream: ServerHttp2Stream;
  /** Its end is counted already. */
  isCounted: boolean;
}

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Server;
  readonly #injector: ConnectionInjector;
  readonly #streams = new Map<string, OpenStream>();
  #lastStream = 0;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new Server({ ...serverOptions, ...lifeOptions(options.limits) });
    this.#server.addService({ report }, { report: (call: IncomingCall['call']) => this.#begin(call) });
    this.#guardStreams();
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  /** Serves one connection; TLS, if any, is done with. */
  serve(socket: Socket): void {
    this.#injector.injectConnection(socket);
  }

  stop(): void {
    for (const { stream } of this.#streams.values()) stream.destroy();
    this.#injector.destroy();
  }

  /**
   * Puts the refusals before grpc-js's own handler of streams. The method is private there, grpc-js is pinned, and tests
   * hold each refusal.
   */
  #guardStreams(): void {
    const handle: unknown = Reflect.get(this.#server, '_streamHandler');
    if (typeof handle !== 'function') throw new Error('grpc-js has no _streamHandler any more: see grpc-server.ts');
    const guarded = (interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
      const refusal = this.#refusalOf(headers);
      if (refusal !== null) {
        this.#refuse(stream, refusal);
        return;
      }
      const id = String(++this.#lastStream);
      const open = { stream, isCounted: false };
      this.#streams.set(id, open);
      // Once this side has said its status, a peer that goes on sending holds nothing open.
      stream.once('finish', () => setTimeout(() => stream.close(), closeAfterMs).unref());
      stream.once('close', () => {
        this.#streams.delete(id);
      });
      Reflect.apply(handle, this.#server, [interceptors, stream, { ...headers, [streamHeader]: id }]);
    };
    Reflect.set(this.#server, '_streamHandler', guarded);
  }

  #refusalOf(headers: IncomingHttpHeaders): Refusal | null {
    const encoding = headers['grpc-encoding'] ?? 'identity';
    if (headers[':method'] !== 'POST') return { reason: 'method', http: 405, grpc: status.UNIMPLEMENTED };
    if (headers[':path'] !== report.path) return { reason: 'path', http: 200, grpc: status.UNIMPLEMENTED };
    if (encoding !== 'identity') return { reason: 'compressed', http: 200, grpc: status.UNIMPLEMENTED };
    const bearer = headers.authorization?.startsWith('Bearer ') === true && headers.authorization.length < 20_000;
    if (this.#options.needsToken && !bearer) return { reason: 'no-token', http: 200, grpc: status.UNAUTHENTICATED };
    return null;
  }

  #refuse(stream: ServerHttp2Stream, { reason, http, grpc }: Refusal): void {
    this.#options.counts.refused.add(reason);
    stream.on('error', () => {});
    const headers = { ':status': http, 'content-type': 'application/grpc+proto' };
    stream.respond({ ...headers, 'grpc-status': grpc, 'grpc-message': reason }, { endStream: true });
    // What the peer still sends of its body is nobody's.
    stream.close();
  }

  /** grpc-js ends calls by itself where a message breaks its limits. */
  #countEnding({ sentHeaders, sentTrailers }: ServerHttp2Stream): void {
    const code = Number(sentTrailers?.['grpc-status'] ?? sentHeaders?.['grpc-status'] ?? Number.NaN);
    if (code === status.RESOURCE_EXHAUSTED) this.#options.counts.refused.add('message-too-large');
    else if (code === status.INTERNAL) this.#options.counts.refused.add('broken-framing');
  }

  #begin(call: IncomingCall['call']): void {
    const [id] = call.metadata.get(streamHeader);
    const open = this.#streams.get(String(id));
    if (open === undefined) {
      call.destroy();
      return;
    }
    const { stream } = open;
    call.once('cancelled', () => {
      if (!open.isCounted) this.#countEnding(stream);
    });
    const [authorization] = call.metadata.get('authorization');
    const socket = stream.session?.socket;
    this.#options.onCall({
      call,
      authorization: typeof authorization === 'string' ? authorization : null,
      remoteAddress: socket?.remoteAddress,
      remotePort: socket?.remotePort,
      close: (closing) => {
        open.isCounted = true;
        endWith(call, closing);
        setTimeout(() => stream.destroy(), abortAfterMs).unref();
      },
      abort: () => stream.destroy(),
    });
  }
}

interface Refusal {
  readonly reason: string;
  readonly http: number;
  readonly grpc: status;
}

/** An `error` with these members is how grpc-js takes a status. */
function endWith(call: IncomingCall['call'], { code, message, retryAfterMs }: Closing): void {
  const metadata = new Metadata();
  if (retryAfterMs !== undefined) metadata.set('retry-after-ms', String(Math.ceil(retryAfterMs)));
  const details = message.slice(0, 500).replace(/[^ -~]/g, '?');
  call.emit('error', { code: codes[code], details, metadata });
}
