import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { afterwards, listeningApi } from '../../test/listening-api.ts';
import { ManualTiming } from '../../test/manual-timing.ts';
import type { ApiAccess } from './api-access.ts';
import { ApiClient } from './api-client.ts';
import { apiErrorText } from './api-error.ts';
import { httpTransport } from './api-transport.ts';
import { systemTiming, type Timing } from './timing.ts';

function clientOf(server: string, timing: Timing = systemTiming, access: Partial<ApiAccess> = {}): ApiClient {
  const credentials = { ok: true, headers: {}, tls: {}, proxy: null } as const;
  const transport = httpTransport({ server, current: async () => credentials, renew: () => undefined, ...access });
  afterwards(() => transport.close());
  return new ApiClient(transport, timing);
}

async function serverThat(answers: RequestListener): Promise<string> {
  const server = createServer(answers);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterwards(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

async function got(client: ApiClient, path = '/api/v1/nodes?limit=500'): Promise<string> {
  const answer = await client.get(path);
  return answer.ok ? JSON.stringify(answer.value) : apiErrorText(answer.error);
}

describe('an answer', () => {
  it('that is a Status says its reason and message, on one line', async () => {
    const { api, url } = await listeningApi();
    api.fail({ what: { kind: 'status', status: 429, retryAfterSeconds: 3 } });
    const answer = await clientOf(url).get('/api/v1/nodes?limit=500');
    expect(answer).toEqual({
      ok: false,
      error: {
        attempted: `GET ${url}/api/v1/nodes`,
        status: 429,
        reason: 'TooManyRequests',
        message: 'Too many requests, please try again later.',
        retryAfterMs: 3000,
      },
    });
  });

  it('of something between us and the server is said by its first line', async () => {
    const url = await serverThat((_request, response) => {
      response.statusCode = 502;
      response.end('bad gateway \u001b[31m\r\n<html>');
    });
    expect(await got(clientOf(url))).toBe(`GET ${url}/api/v1/nodes: 502: bad gateway [31m`);
  });

  it('that breaks off, or is no JSON, is none', async () => {
    const { api, url } = await listeningApi();
    api.fail({ what: { kind: 'truncated' } });
    expect(await got(clientOf(url))).toMatch(/nodes: no-json: the answer is no JSON: /);
    const breaking = await serverThat((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"kind":');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await got(clientOf(breaking))).toMatch(/nodes: cut: the answer broke off: /);
  });

  it('that is longer than allowed is given up', async () => {
    const url = await serverThat((_request, response) => {
      response.write('"');
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(100_000)));
      };
      response.on('drain', write);
      write();
    });
    const answer = await clientOf(url).post('/apis/example.com/v1/reviews', {});
    expect(answer.ok ? answer : answer.error.message).toBe('the answer is longer than 1048576 bytes');
  });

  it('that does not come in time is none, before its headers and after', async () => {
    for (const fault of ['no-answer', 'silent'] as const) {
      const { api, url } = await listeningApi();
      api.fail({ what: { kind: fault } });
      const timing = new ManualTiming();
      const answer = got(clientOf(url, timing));
      await expect.poll(() => api.requests.get('list nodes')).toBe(1);
      await timing.pass(61);
      expect(await answer).toBe(`GET ${url}/api/v1/nodes: deadline: no whole answer came in time`);
    }
  });
});

describe('a server', () => {
  it('that is not there is unreachable', async () => {
    expect(await got(clientOf('http://127.0.0.1:1'))).toBe(
      'GET http://127.0.0.1:1/api/v1/nodes: unreachable: connect ECONNREFUSED 127.0.0.1:1',
    );
  });

  it('is not asked without credentials, nor waited for where they never come', async () => {
    const { api, url } = await listeningApi();
    const none = { ok: false, message: 'the token file is gone' } as const;
    expect(await got(clientOf(url, systemTiming, { current: async () => none }))).toBe(
      `GET ${url}/api/v1/nodes: credentials: the token file is gone`,
    );
    const timing = new ManualTiming();
    const hanging = got(clientOf(url, timing, { current: () => new Promise(() => undefined) }));
    await timing.pass(61);
    expect(await hanging).toBe(`GET ${url}/api/v1/nodes: deadline: no whole answer came in time`);
    expect(api.requests.size).toBe(0);
  });
});

describe('a watch', () => {
  it('comes piece by piece, until the signal ends it', async () => {
    const { api, url } = await listeningApi();
    api.apply('nodes', { metadata: { name: 'node-a' } });
    const ending = new AbortController();
    const opened = await clientOf(url).open('/api/v1/nodes?watch=1', ending.signal);
    if (!opened.ok) throw new Error(apiErrorText(opened.error));
    const told: string[] = [];
    const reading = (async () => {
      for await (const piece of opened.value) told.push(Buffer.from(piece).toString('utf8'));
    })();
    await expect.poll(() => told.length).toBe(1);
    api.apply('nodes', { metadata: { name: 'node-b' } });
    await expect.poll(() => told.join('')).toContain('node-b');
    expect(api.watches()).toHaveLength(1);
    ending.abort();
    await expect(reading).rejects.toThrow();
    await expect.poll(() => api.watches().length).toBe(0);
  });
});
