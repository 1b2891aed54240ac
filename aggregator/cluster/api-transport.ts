/** Bytes to the API server and back: HTTP with what lets us in. ApiClient makes answers of them. */
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { type ApiAccess, type Credentials, causeText } from './api-access.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** With its query: `/api/v1/services?limit=500`. */
  readonly path: string;
  /** JSON; null for none. */
  readonly body: string | null;
  /** Ends the request, and the reading of its answer. */
  readonly signal: AbortSignal;
}

export interface ApiResponse {
  readonly status: number;
  header(name: string): string | null;
  /** Iterating throws when the answer is cut, or the signal given. */
  readonly body: AsyncIterable<Uint8Array>;
}

export type Sent =
  | { readonly ok: true; readonly response: ApiResponse }
  | { readonly ok: false; readonly reason: 'unreachable' | 'credentials'; readonly message: string };

export interface ApiTransport {
  /** `https://192.0.2.10:6443`, for messages. */
  readonly server: string;
  send(request: ApiRequest): Promise<Sent>;
  /** Gives back connections; what is still running is ended. */
  close(): Promise<void>;
}

const connectMs = 10_000;
/** Below the idle limits of cloud load balancers, as client-go does it. */
const keepAliveMs = 30_000;

/** HTTP/1.1 by undici. A connection is kept; it is given up for another when the certificates change. */
export function httpTransport(access: ApiAccess): ApiTransport {
  const { origin, pathname } = new URL(access.server);
  const prefix = pathname.replace(/\/+$/, '');
  const connections = new Connections();
  return {
    server: access.server,
    async send({ method, path, body, signal }) {
      const credentials = await Promise.race([access.current(), givenUp(signal)]);
      if (!credentials.ok) return { ok: false, reason: 'credentials', message: credentials.message };
      try {
        const answer = await connections.by(credentials).request({
          origin,
          path: prefix + path,
          method,
          body,
          signal,
          headers: {
            ...credentials.headers,
            accept: 'application/json',
            'user-agent': 'plumbline',
            ...(body === null ? {} : { 'content-type': 'application/json' }),
          },
        });
        if (answer.statusCode === 401) access.renew();
        return { ok: true, response: responseOf(answer) };
      } catch (cause) {
        return { ok: false, reason: 'unreachable', message: causeText(cause) };
      }
    },
    close: () => connections.close(),
  };
}

function responseOf({ statusCode, headers, body }: Dispatcher.ResponseData): ApiResponse {
  return {
    status: statusCode,
    header(name) {
      const value = headers[name];
      return (Array.isArray(value) ? value[0] : value) ?? null;
    },
    body,
  };
}

/** A plugin that asks its user for a password must not hold up a request for ever. */
function givenUp(signal: AbortSignal): Promise<{ readonly ok: false; readonly message: string }> {
  return new Promise((resolve) => {
    const giveUp = (): void => resolve({ ok: false, message: 'they did not come in time' });
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
}

/** One pool of connections, for the newest certificates and proxy. */
class Connections {
  #key = '';
  #pool: Dispatcher | null = null;

  by({ tls, proxy }: Credentials): Dispatcher {
    const key = JSON.stringify([tls, proxy]);
    if (this.#pool !== null && key === this.#key) return this.#pool;
    const old = this.#pool;
    this.#key = key;
    this.#pool = newPool({ tls, proxy });
    // Watches on the old one run to their end.
    void old?.close().catch(() => undefined);
    return this.#pool;
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await pool?.destroy();
  }
}

function newPool({ tls, proxy }: Pick<Credentials, 'tls' | 'proxy'>): Dispatcher {
  // Deadlines are ApiClient's: a watch may well be silent for a minute.
  const limits = { headersTimeout: 0, bodyTimeout: 0, allowH2: false } as const;
  const socket = { timeout: connectMs, keepAlive: true, keepAliveInitialDelay: keepAliveMs } as const;
  if (proxy !== null) return new ProxyAgent({ ...limits, uri: proxy, requestTls: { ...tls, ...socket } });
  return new Agent({ ...limits, connect: { ...tls, ...socket } });
}
