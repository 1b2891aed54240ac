/** The way to an aggregator: straight to a URL, or through a port-forward that is opened for the command alone. */
import { type AccessWishes, findAccess } from '../../aggregator/cluster/find-access.ts';
import type { Context } from '../context.ts';
import { done, type Outcome, refused } from '../refusal.ts';
import { type ServerOptions, serverUrl, usualNamespace, usualServer } from './server-option.ts';
import { fileTokens, noToken, showingToken, type TokenSource } from './tokens.ts';

export interface Connection {
  /** What paths are relative to; ends in a slash. Where a port is forwarded it only says whose it is. */
  readonly url: URL;
  /**
   * As fetch, below `url` alone, with what lets us in. A redirect is not followed.
   * @throws as fetch does; where the way itself is barred, its cause is a NotConnected.
   */
  request(url: URL, init?: RequestInit): Promise<Response>;
  /** Gives back what the connection holds; what is still running is ended. */
  close(): Promise<void>;
}

/** What a connection needs to know of the environment. */
export type Surroundings = Pick<Context, 'server' | 'tokenFile' | 'namespace' | 'environment'>;

/**
 * Finds the aggregator: `--server`, what is said of a cluster, PLUMBLINE_SERVER, the cluster that kubectl would use, and
 * where there is none, the port that `kubectl port-forward` has by our docs.
 * @param signal gives up; from then on nothing is sent.
 */
export async function connect(
  options: ServerOptions,
  context: Surroundings,
  signal: AbortSignal = new AbortController().signal,
): Promise<Outcome<Connection>> {
  const tokenFile = options.tokenFile ?? context.tokenFile;
  const saysCluster = [options.kubeconfig, options.context, options.plumblineNamespace].some(
    (said) => said !== undefined,
  );
  const server = options.server ?? (saysCluster ? null : context.server);
  if (server !== null) return directConnection(server, tokenFile);
  const found = await findAccess(accessWishes(options, context), () => performance.now());
  if (found.ok) {
    const namespace = options.plumblineNamespace ?? context.namespace ?? usualNamespace;
    // WebSockets and a second HTTP client are loaded only by those who need them.
    const { forwardedConnection } = await import('../kubernetes/forwarded-connection.ts');
    return forwardedConnection(found.access, { namespace, tokenFile }, signal);
  }
  if (found.isNowhere === true && !saysCluster) return directConnection(usualServer, tokenFile);
  const advice =
    'Say how to reach the cluster with --kubeconfig and --context, or where the aggregator is with --server.';
  return refused('find the cluster of the aggregator', found.message, advice);
}

/** Connects, does what is to be done, and disconnects. */
export async function whileConnected<T>(
  options: ServerOptions,
  context: Context,
  work: (connection: Connection) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const connected = await connect(options, context);
  if (!connected.ok) return connected;
  try {
    return await work(connected.value);
  } finally {
    await connected.value.close();
  }
}

/** To a URL that ends in a slash. */
export function straightConnection(url: URL, tokens: TokenSource = noToken): Connection {
  return {
    url,
    request: showingToken((place, init) => fetch(place, init), tokens, url.origin),
    close: async () => undefined,
  };
}

function accessWishes(options: ServerOptions, { environment }: Pick<Context, 'environment'>): AccessWishes {
  return { kubeconfig: options.kubeconfig ?? null, context: options.context ?? null, environment };
}

async function directConnection(server: string, tokenFile: string | null): Promise<Outcome<Connection>> {
  const url = serverUrl(server);
  if (!url.ok) return url;
  const tokens = tokenFile === null ? noToken : fileTokens(tokenFile);
  if (tokenFile !== null && url.value.protocol === 'http:' && !isLoopback(url.value.hostname)) {
    const advice = 'Use https://, or leave out --server to go through a port-forward.';
    return refused(`ask ${url.value}`, 'everybody on the way could read the token', advice);
  }
  const token = await tokens.current();
  if (!token.ok) return token;
  return done(straightConnection(url.value, tokens));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}
