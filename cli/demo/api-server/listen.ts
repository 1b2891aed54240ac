/** The stand-in over HTTP or HTTPS, on a loopback port or a unix socket. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Reply } from './exchange.ts';
import type { ApiStandIn } from './stand-in.ts';

export interface ListenPlace {
  /** A unix socket; a free port of 127.0.0.1 unless given. */
  readonly socket?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Takes connections that want to speak something else than HTTP; without it they are cut. */
  readonly onUpgrade?: (request: IncomingMessage, connection: Duplex, begun: Buffer) => void;
}

export interface Listening {
  /** `http://127.0.0.1:40123`; of a unix socket `http://localhost`. */
  readonly url: string;
  /** Breaks every connection and ends. */
  close(): Promise<void>;
}

const longestBody = 1024 * 1024;

/** @throws when the port or socket cannot be had. */
export async function listen(standIn: ApiStandIn, { socket, tls, onUpgrade }: ListenPlace = {}): Promise<Listening> {
  const onRequest: RequestListener = (request, response) => {
    readBody(request, (body) => answer(standIn, request, response, body));
  };
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  if (onUpgrade !== undefined) server.on('upgrade', onUpgrade);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (socket === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(socket, resolve);
  });
  const address = server.address();
  const place = typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : 'localhost';
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${place}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(standIn: ApiStandIn, request: IncomingMessage, response: ServerResponse, body: string): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
  const asked = { method: request.method ?? 'GET', path: pathname, query: searchParams, token, body };
  standIn.answer(asked, replyOver(response));
}

function replyOver(response: ServerResponse): Reply {
  // Whoever asked has gone: the close that follows says so.
  response.on('error', () => response.destroy());
  return {
    head: (status, headers) => {
      response.writeHead(status, headers);
      response.flushHeaders();
    },
    write: (text) => {
      response.write(text);
    },
    end: () => {
      response.end();
    },
    cut: () => {
      response.destroy();
    },
    onClose: (listener) => {
      response.once('close', listener);
    },
  };
}

function readBody(request: IncomingMessage, onBody: (body: string) => void): void {
  const pieces: Buffer[] = [];
  let bytes = 0;
  request.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > longestBody) request.destroy();
    else pieces.push(piece);
  });
  request.on('end', () => onBody(Buffer.concat(pieces).toString('utf8')));
  request.on('error', () => request.destroy());
}
