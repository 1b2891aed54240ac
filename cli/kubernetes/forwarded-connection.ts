/**
 * A connection to the aggregator through the API server. It has no port on this machine: requests are written into the
 * forwarded stream itself, so nobody else here can use it.
 */
import type { Socket } from 'node:net';
import { type buildConnector, fetch as fetchThrough, Pool, type RequestInit as PoolRequest } from 'undici';
import type { ApiAccess } from '../../aggregator/cluster/api-access.ts';
import { ApiClient } from '../../aggregator/cluster/api-client.ts';
import { httpTransport } from '../../aggregator/cluster/api-transport.ts';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import type { Connection } from '../api/connection.ts';
import { NotConnected } from '../api/not-connected.ts';
import { fileTokens, showingToken } from '../api/tokens.ts';
import { done, type Outcome } from '../refusal.ts';
import { type AggregatorPod, findAggregator } from './aggregator-pod.ts';
import { openTunnel } from './open-tunnel.ts';
import type { Tunnel } from './tunnel.ts';
import { viewerTokens } from './viewer-token.ts';

/** `--listen-http` of the chart, on the loopback address within the pod. */
const port = 8080;
/** One for the stream of events, one for questions meanwhile. */
const mostTunnels = 2;
const idleMs = 30_000;

export interface ForwardWishes {
  /** Where the aggregator runs. */
  readonly namespace: string;
  /** A token of the user's own; null: one of the viewer's ServiceAccount. */
  readonly tokenFile: string | null;
}

/** Finds the pod, takes a token, forwards a port. Whatever bars the way is told before anything is asked. */
export async function forwardedConnection(
  access: ApiAccess,
  { namespace, tokenFile }: ForwardWishes,
  signal: AbortSignal,
): Promise<Outcome<Connection>> {
  const transport = httpTransport(access);
  const api = new ApiClient(transport, systemTiming);
  const leaving = new AbortController();
  const ending = AbortSignal.any([signal, leaving.signal]);
  const refuse = async <T extends Outcome<unknown>>(barred: T): Promise<T> => {
    leaving.abort();
    await transport.close();
    return barred;
  };
  const found = await findAggregator(api, namespace, ending);
  if (!found.ok) return refuse(found);
  const pod = found.value;
  const tokens =
    tokenFile === null
      ? viewerTokens(pod, { api, monotonic: systemTiming.monotonic, signal: ending })
      : fileTokens(tokenFile);
  const [token, tunnel] = await Promise.all([tokens.current(), openTunnel(access, { pod, port }, ending)]);
  if (!tunnel.ok) return refuse(tunnel);
  if (!token.ok) {
    tunnel.value.destroy();
    return refuse(token);
  }
  const connector = tunnelConnector({ access, api, signal: ending }, { pod, tunnel: tunnel.value });
  const pool = tunnelPool(connector);
  const url = new URL(`http://${pod.release}-aggregator.${namespace}:${port}/`);
  return done({
    url,
    request: showingToken((place, init) => fetchBy(pool, place, init), tokens, url.origin),
    close: async () => {
      leaving.abort();
      // The first tunnel may not have been asked for.
      tunnel.value.destroy();
      await Promise.all([pool.destroy(), transport.close()]);
    },
  });
}

interface Cluster {
  readonly access: ApiAccess;
  readonly api: ApiClient;
  readonly signal: AbortSignal;
}

interface FirstTunnel {
  readonly pod: AggregatorPod;
  readonly tunnel: Tunnel;
}

/** Opens tunnels as they are needed. After one was lost, the pod may be another: it is looked for again. */
function tunnelConnector({ access, api, signal }: Cluster, first: FirstTunnel): () => Promise<Tunnel> {
  let pod: AggregatorPod | null = first.pod;
  let ready: Tunnel | null = first.tunnel;
  const { namespace } = first.pod;
  const watched = (tunnel: Tunnel): Tunnel => {
    tunnel.once('close', () => {
      pod = null;
    });
    return tunnel;
  };
  watched(first.tunnel);
  return async () => {
    const waiting = ready;
    ready = null;
    if (waiting !== null && !waiting.destroyed) return waiting;
    const found = pod === null ? await findAggregator(api, namespace, signal) : done(pod);
    if (!found.ok) throw new NotConnected(found.refusal);
    const opened = await openTunnel(access, { pod: found.value, port }, signal);
    if (!opened.ok) {
      pod = null;
      throw new NotConnected(opened.refusal);
    }
    pod = found.value;
    return watched(opened.value);
  };
}

function tunnelPool(open: () => Promise<Tunnel>): Pool {
  const connect = (_options: buildConnector.Options, connected: buildConnector.Callback): void => {
    open().then(
      // Of a socket, undici uses what every stream has.
      (tunnel) => connected(null, tunnel as unknown as Socket),
      (cause: Error) => connected(cause, null),
    );
  };
  // By this name the aggregator is asked where it listens. Deadlines are those of the commands.
  return new Pool(`http://127.0.0.1:${port}`, {
    connect,
    connections: mostTunnels,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleMs,
  });
}

/** The two kinds of fetch differ in their types alone. */
function fetchBy(dispatcher: Pool, url: URL, init: RequestInit): Promise<Response> {
  const place = `http://127.0.0.1:${port}${url.pathname}${url.search}`;
  const request = { ...init, dispatcher } as unknown as PoolRequest;
  return fetchThrough(place, request) as unknown as Promise<Response>;
}
