/** Where agents dial: TCP with TLS for a cluster, and for development a unix socket per node. */
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Figure } from '../model/record.ts';
import type { ServerCertificates } from '../model/server-certificates.ts';
import type { AgentAuthenticator } from './authenticate.ts';
import { Connections } from './connections.ts';
import type { IngestCounts } from './counts.ts';
import { GrpcServer, type IncomingCall } from './grpc-server.ts';
import type { IngestLimits } from './limits.ts';
import { socketAuthenticator } from './socket-authenticator.ts';

export type ListenerOptions =
  | {
      readonly kind: 'tls';
      readonly host: string;
      /** 0 = any that is free. */
      readonly port: number;
      readonly certificates: ServerCertificates;
      readonly authenticator: AgentAuthenticator;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly node: string };

export interface ListenerSurroundings {
  readonly limits: IngestLimits;
  readonly counts: IngestCounts;
  readonly monotonic: () => number;
  readonly onCall: (incoming: IncomingCall, listener: Listener) => void;
}

const tlsVersion = 'TLSv1.3';
const handshakeMs = 10_000;

/** One listener with its connections. */
export class Listener {
  readonly authenticator: AgentAuthenticator;
  readonly #options: ListenerOptions;
  readonly #surroundings: ListenerSurroundings;
  readonly #grpc: GrpcServer;
  readonly #connections: Connections;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  constructor(options: ListenerOptions, surroundings: ListenerSurroundings) {
    const { counts, limits, onCall } = surroundings;
    this.#options = options;
    this.#surroundings = surroundings;
    this.authenticator = options.kind === 'tls' ? options.authenticator : socketAuthenticator(options.node);
    this.#connections = new Connections(limits, counts);
    this.#grpc = new GrpcServer({
      counts,
      limits,
      needsToken: options.kind === 'tls',
      onCall: (incoming) => onCall(incoming, this),
    });
  }

  /** The TCP port; null for a unix socket, or before the start. */
  get port(): number | null {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : null;
  }

  /**
   * Begins to listen.
   * @throws when the address is taken, or there is no certificate to show.
   */
  async start(): Promise<void> {
    const options = this.#options;
    const onSocket = options.kind === 'tls' ? await this.#tlsHandshake(options.certificates) : this.#unixSocket();
    const server = createServer((socket) => onSocket(socket));
    this.#server = server;
    if (options.kind === 'unix') await removeOldSocket(options.path);
    const where = options.kind === 'unix' ? { path: options.path } : { host: options.host, port: options.port };
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        reject(new Error(`cannot listen for agents on ${JSON.stringify(where)}: ${cause.message}`, { cause }));
      });
      server.listen(where, resolve);
    });
    if (options.kind === 'unix') await chmod(options.path, 0o600);
  }

  /** The stream of this connection has shown whose it is. */
  known({ remoteAddress, remotePort }: IncomingCall): void {
    this.#connections.known(remoteAddress, remotePort);
  }

  tick(monotonic: number): void {
    this.#connections.tick(monotonic);
  }

  /** Takes no further connections; those there are stay. */
  close(): void {
    this.#server?.close();
  }

  /** Drops all that is left. */
  destroy(): void {
    this.close();
    if (this.#options.kind === 'tls') this.#options.certificates.stop();
    this.#grpc.stop();
    this.#connections.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  connections(): number {
    return this.#connections.size + this.#sockets.size;
  }

  figures(): readonly Figure[] {
    const own = this.authenticator.figures();
    return this.#options.kind === 'tls' ? [...own, ...this.#options.certificates.figures()] : own;
  }

  /** Only who may write to the file gets here: there is nothing to show first. */
  #unixSocket(): (socket: Socket) => void {
    return (socket) => {
      socket.on('error', () => {});
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#grpc.serve(socket);
    };
  }

  async #tlsHandshake(certificates: ServerCertificates): Promise<(socket: Socket) => void> {
    const { certificate: cert, key } = await certificates.start();
    const tls = createTlsServer({
      cert,
      key,
      minVersion: tlsVersion,
      ALPNProtocols: ['h2'],
      handshakeTimeout: handshakeMs,
    });
    certificates.subscribe((pair) =>
      tls.setSecureContext({ cert: pair.certificate, key: pair.key, minVersion: tlsVersion }),
    );
    tls.on('tlsClientError', (_, socket) => {
      this.#surroundings.counts.refused.add('handshake');
      socket.destroy();
    });
    tls.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => {});
      this.#grpc.serve(socket);
    });
    return (socket) => {
      if (this.#connections.admit(socket, this.#surroundings.monotonic())) tls.emit('connection', socket);
    };
  }
}

/** A socket that a process before left behind. Any other file stays, and listening fails. */
async function removeOldSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found?.isSocket()) await unlink(path);
}
