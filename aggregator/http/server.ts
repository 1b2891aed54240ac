/** Listens, and stops without cutting off answers. */
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { CertificatePair, ServerCertificates } from '../model/server-certificates.ts';
import { buildApp } from './app.ts';
import { limits } from './limits.ts';
import type { HttpOptions } from './options.ts';
import { refuseBytes } from './refusals.ts';

/** Answers that have not ended in this time after a stop are cut. */
const stopMs = 5_000;
const tlsVersion = 'TLSv1.3';

export interface ListenOn {
  /** `127.0.0.1`, `::1`, or any other address of this machine. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

type Certificates = Pick<ServerCertificates, 'start' | 'subscribe'>;

export class HttpServer {
  readonly #options: HttpOptions;
  #app: FastifyInstance | null = null;
  #tls: Server | null = null;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /**
   * Listens without TLS.
   * @returns the URL that it answers on.
   * @throws when the address cannot be had: the program cannot start.
   */
  async start({ host, port }: ListenOn): Promise<string> {
    const app = buildApp(this.#options);
    this.#app = app;
    const url = await app.listen({ host, port });
    this.#options.log.info({ url }, 'HTTP is being answered');
    return url;
  }

  /**
   * Listens with TLS as well, with the same routes. `start` comes first.
   * @returns the port that it answers on.
   * @throws when the address cannot be had: the program cannot start.
   */
  async startTls({ host, port }: ListenOn, certificates: Certificates): Promise<number> {
    const app = this.#app;
    if (app === null) throw new Error('the server was not started');
    const server = tlsServer(app, await certificates.start());
    certificates.subscribe((pair) => server.setSecureContext(tlsOptions(pair)));
    this.#tls = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        reject(new Error(`cannot listen for HTTPS on ${host}:${port}: ${cause.message}`, { cause }));
      });
      server.listen({ host, port }, resolve);
    });
    const address = server.address();
    const taken = typeof address === 'object' && address !== null ? address.port : port;
    this.#options.log.info({ host, port: taken }, 'HTTPS is being answered');
    return taken;
  }

  /** Takes no more connections, ends the streams of events, lets answers end, then cuts what is left. */
  async stop(): Promise<void> {
    const [app, tls] = [this.#app, this.#tls];
    this.#app = null;
    this.#tls = null;
    if (app === null) return;
    const cut = setTimeout(() => {
      app.server.closeAllConnections();
      tls?.closeAllConnections();
    }, stopMs);
    await Promise.all([app.close(), closed(tls)]);
    clearTimeout(cut);
  }
}

/** The same limits as fastify gives to the server without TLS. */
function tlsServer(app: FastifyInstance, pair: CertificatePair): Server {
  const server = createServer(
    {
      ...tlsOptions(pair),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.handshakeMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      connectionsCheckingInterval: limits.checkMs,
    },
    (request, response) => app.routing(request, response),
  );
  server.setTimeout(limits.idleMs);
  server.maxConnections = limits.connections;
  limitSources(server);
  server.on('clientError', (error: Error & { readonly code?: string }, socket) => {
    // A handshake that failed has no connection that an answer could go through.
    if (/^(HPE|ERR_HTTP)_/.test(error.code ?? '')) refuseBytes(error, socket);
    else socket.destroy();
  });
  return server;
}

/** One address may not take all connections. Before TLS looks at them. */
function limitSources(server: Server): void {
  const open = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const source = socket.remoteAddress ?? '';
    const count = (open.get(source) ?? 0) + 1;
    open.set(source, count);
    socket.once('close', () => {
      const left = (open.get(source) ?? 1) - 1;
      if (left > 0) open.set(source, left);
      else open.delete(source);
    });
    if (count > limits.connectionsOfOne) socket.destroy();
  });
}

function tlsOptions({ certificate: cert, key }: CertificatePair) {
  return { cert, key, minVersion: tlsVersion } as const;
}

async function closed(server: Server | null): Promise<void> {
  if (server === null) return;
  server.closeIdleConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
