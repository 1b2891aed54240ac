/**
 * Serves the objects of load/large-cluster.ts as an API server does, making each while it is sent: `node large-api.ts`
 * prints its address. Beside lists and watches there are `POST /expire`, after which everyone who watches pods must list
 * them anew, and `POST /change?pods=1000`, which changes so many pods and answers with the version of the last change.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { apiResources, type ApiResource, placeOf } from '../../cli/demo/api-server/api-resources.ts';
import { counts, firstVersion, objectOf } from './load/large-cluster.ts';

const bookmarkEveryMs = 30_000;
/** Lines are sent together. */
const linesPerPiece = 16;

/** Versions of pods that have changed. */
const changed = new Map<number, number>();
let version = firstVersion;
const podWatches = new Set<ServerResponse>();

function itemOf({ plural, kind, apiVersion }: ApiResource, index: number): object {
  const own = plural === 'pods' ? changed.get(index) : undefined;
  return { kind, apiVersion, ...objectOf(plural, index, own ?? firstVersion) };
}

/** Waits until what was written has gone out. */
async function send(response: ServerResponse, text: string): Promise<void> {
  if (response.write(text) || response.closed) return;
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  over.abort();
}

function bookmark({ kind, apiVersion }: ApiResource, annotations: Readonly<Record<string, string>> = {}): string {
  const object = { kind, apiVersion, metadata: { resourceVersion: String(version), annotations } };
  return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
}

async function answerWatch(resource: ApiResource, query: URLSearchParams, response: ServerResponse): Promise<void> {
  const { plural } = resource;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  if (query.get('sendInitialEvents') === 'true') {
    let piece = '';
    for (let index = 0; index < (counts[plural] ?? 0) && !response.closed; index++) {
      piece += `${JSON.stringify({ type: 'ADDED', object: itemOf(resource, index) })}\n`;
      if (index % linesPerPiece !== 0) continue;
      await send(response, piece);
      piece = '';
    }
    await send(response, piece + bookmark(resource, { 'k8s.io/initial-events-end': 'true' }));
  }
  if (plural === 'pods') podWatches.add(response);
  const timer = setInterval(() => response.write(bookmark(resource)), bookmarkEveryMs);
  response.once('close', () => {
    clearInterval(timer);
    podWatches.delete(response);
  });
}

function answerList(resource: ApiResource, query: URLSearchParams, response: ServerResponse): void {
  const from = Number(query.get('continue') ?? '0');
  const count = counts[resource.plural] ?? 0;
  const to = Math.min(count, from + Number(query.get('limit') ?? count));
  const items = Array.from({ length: to - from }, (_, index) => itemOf(resource, from + index));
  const metadata = { resourceVersion: String(version), ...(to < count ? { continue: String(to) } : {}) };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ kind: `${resource.kind}List`, apiVersion: resource.apiVersion, metadata, items }));
}

/** Changes pods spread over all of them, each to another version. */
async function change(pods: number): Promise<void> {
  const resource = apiResources.find(({ plural }) => plural === 'pods');
  if (resource === undefined) throw new Error('pods are a resource');
  for (let number = 0; number < pods; number++) {
    const index = (number * 7919) % (counts.pods ?? 1);
    changed.set(index, ++version);
    const line = `${JSON.stringify({ type: 'MODIFIED', object: itemOf(resource, index) })}\n`;
    for (const response of podWatches) await send(response, line);
  }
}

const gone = { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired', message: 'too old resource version' };

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/expire') {
    for (const watch of podWatches) watch.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
    response.end();
    return;
  }
  if (pathname === '/change') {
    await change(Number(searchParams.get('pods')));
    response.end(String(version));
    return;
  }
  const place = placeOf(pathname);
  if (place === null) {
    response.writeHead(404).end();
    return;
  }
  // Of single namespaces only the agents' is asked for, and there are none.
  const resource = place.namespace === null ? place.resource : { ...place.resource, plural: 'none' };
  if (searchParams.has('watch')) await answerWatch(resource, searchParams, response);
  else answerList(resource, searchParams, response);
}

const server = createServer((request, response) => {
  answer(request, response).catch((cause: unknown) => {
    process.stderr.write(`large-api: ${String(cause)}\n`);
    response.destroy();
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a listening server has an address');
  process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
