import { describe, expect, it } from 'vitest';
import { ApiClient } from './api-client.ts';
import type { ApiRequest, ApiTransport } from './api-transport.ts';
import { keeperOf } from './kept-object.ts';
import { systemTiming } from './timing.ts';

/** One object behind an API server that keeps it by its version, and answers with a status instead where one is set. */
function serverOf(object: { metadata: { resourceVersion: string }; data?: Record<string, string> }) {
  const server = { object, refuses: 0, asked: [] as string[] };
  const answered = (status: number, body: unknown) => ({
    ok: true as const,
    response: {
      status,
      header: () => null,
      body: (async function* () {
        yield Buffer.from(JSON.stringify(body));
      })(),
    },
  });
  const transport: ApiTransport = {
    server: 'https://192.0.2.10:6443',
    close: async () => undefined,
    send: async ({ method, path, body }: ApiRequest) => {
      server.asked.push(`${method} ${path}`);
      const status = { kind: 'Status', message: 'no' };
      if (server.refuses > 0) return answered(server.refuses, status);
      if (method === 'GET') return answered(200, server.object);
      const given = JSON.parse(body ?? '');
      if (given.metadata.resourceVersion !== server.object.metadata.resourceVersion) return answered(409, status);
      const resourceVersion = String(Number(server.object.metadata.resourceVersion) + 1);
      server.object = { ...given, metadata: { ...given.metadata, resourceVersion } };
      return answered(200, server.object);
    },
  };
  return { server, client: new ApiClient(transport, systemTiming) };
}

const place = { namespace: 'plumbline', name: 'tls' } as const;

describe('a Secret', () => {
  it('is read and written as text, and what else is in it stays', async () => {
    const labels = { app: 'plumbline' };
    const { server, client } = serverOf({
      metadata: { resourceVersion: '7', labels },
      data: { other: 'eA==' },
      type: 'Opaque',
    } as never);
    const keeper = keeperOf(client, { kind: 'Secret', ...place });
    expect(await keeper.read()).toEqual({ ok: true, value: { version: '7', data: { other: 'x' } } });
    expect(await keeper.write('7', { state: 'ü' })).toEqual({ ok: true, value: null });
    expect(server.object).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { labels, resourceVersion: '8' },
      data: { other: 'eA==', state: 'w7w=' },
    });
    expect(server.asked).toEqual([
      'GET /api/v1/namespaces/plumbline/secrets/tls',
      'PUT /api/v1/namespaces/plumbline/secrets/tls',
    ]);
  });

  it('that somebody else changed meanwhile is a conflict', async () => {
    const { client } = serverOf({ metadata: { resourceVersion: '7' } });
    const keeper = keeperOf(client, { kind: 'Secret', ...place });
    expect(await keeper.write('6', { a: 'b' })).toMatchObject({ ok: false, kind: 'conflict' });
  });

  it.each([
    [403, 'refused', 'It takes the right to get secrets tls in plumbline: the chart has a Role for it'],
    [404, 'refused', 'The chart makes this object, empty'],
    [500, 'unreachable', 'GET https://192.0.2.10:6443/api/v1/namespaces/plumbline/secrets/tls: 500'],
  ])('answered with %i is %s, and says what to do', async (status, kind, words) => {
    const { server, client } = serverOf({ metadata: { resourceVersion: '7' } });
    server.refuses = status;
    const answer = await keeperOf(client, { kind: 'Secret', ...place }).read();
    expect(answer).toMatchObject({ ok: false, kind });
    expect(answer.ok ? '' : answer.message).toContain(words);
  });
});

describe('a ConfigMap', () => {
  it('is text as it is', async () => {
    const { server, client } = serverOf({ metadata: { resourceVersion: '1' } });
    const keeper = keeperOf(client, { kind: 'ConfigMap', ...place });
    expect(await keeper.read()).toEqual({ ok: true, value: { version: '1', data: {} } });
    await keeper.write('1', { 'ca.crt': 'text' });
    expect(server.object.data).toEqual({ 'ca.crt': 'text' });
  });
});
