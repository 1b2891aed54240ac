/** Stands for an API server that has two objects and nothing else: a Secret and a ConfigMap, empty as the chart makes them. */
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

export interface KeptObjectsApi {
  readonly url: string;
  /** Data of `secrets/tls` and `configmaps/ca` as they are sent: what is in the Secret is base64. */
  dataOf(object: KeptObjectPath): Readonly<Record<string, string>>;
  /** Every request is answered with this status from now on; null = as it should be. */
  refuse(status: number | null): void;
  close(): Promise<void>;
}

export const keptObjectPaths = {
  secret: '/api/v1/namespaces/plumbline/secrets/tls',
  configMap: '/api/v1/namespaces/plumbline/configmaps/ca',
} as const;
export type KeptObjectPath = (typeof keptObjectPaths)[keyof typeof keptObjectPaths];

interface KeptJson {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** On loopback, at any free port. */
export async function keptObjectsApi(): Promise<KeptObjectsApi> {
  const objects = new Map<string, KeptJson>(
    Object.values(keptObjectPaths).map((path) => [path, { metadata: { resourceVersion: '1' } }]),
  );
  let refusal: number | null = null;
  const answer = async (request: IncomingMessage): Promise<readonly [number, unknown]> => {
    const path = request.url ?? '';
    const object = objects.get(path);
    if (refusal !== null) return [refusal, { kind: 'Status', message: 'not today' }];
    if (object === undefined) return [404, { kind: 'Status', message: 'there is nothing here' }];
    if (request.method === 'GET') return [200, object];
    const given: KeptJson = JSON.parse(await text(request));
    const { resourceVersion } = object.metadata;
    if (given.metadata.resourceVersion !== resourceVersion) return [409, { kind: 'Status', message: 'was modified' }];
    const changed = { ...given, metadata: { ...given.metadata, resourceVersion: String(Number(resourceVersion) + 1) } };
    objects.set(path, changed);
    return [200, changed];
  };
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    dataOf: (path) => objects.get(path)?.data ?? {},
    refuse: (status) => {
      refusal = status;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
