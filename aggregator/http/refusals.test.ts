import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditRecord, nodeRecord } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import { buildApp } from './app.ts';
import { limits } from './limits.ts';
import { HttpServer } from './server.ts';

const record = auditRecord({ nodes: [nodeRecord('node-a')] });

async function refused(url: string, method: 'GET' | 'POST' | 'DELETE' | 'OPTIONS' | 'PUT' = 'GET') {
  const answer = await buildApp(httpOptions({ record })).inject({ method, url });
  const { 'content-type': type, allow } = answer.headers;
  return { status: answer.statusCode, type, allow, body: answer.json() };
}

describe('a query', () => {
  it.each([
    ['findings?statee=firing', 'unknown-parameter', /"statee" is not known.*Allowed are state, layer, severity, check/],
    ['findings?__proto__=x', 'unknown-parameter', /__proto__/],
    ['nodes/node-a?limit=3', 'unknown-parameter', /takes no parameters/],
    ['findings?severity=urgent', 'bad-value', /takes critical, high, medium, low, not "urgent"/],
    ['findings?severity=low&severity=', 'bad-value', /not ""/],
    ['findings?check=none', 'bad-value', /takes cni-config-missing, .*, model-disagreement, /],
    ['findings?limit=0', 'bad-value', /takes a whole number from 1 to 500, not "0"/],
    ['findings?limit=501', 'bad-value', /from 1 to 500/],
    ['findings?limit=1e2', 'bad-value', /not "1e2"/],
    ['findings?limit=5&limit=5', 'bad-value', /once only/],
    ['findings?node=', 'bad-value', /1 to 253 characters/],
    [`findings?node=${'x'.repeat(254)}`, 'bad-value', /not 254/],
    [`findings?${'node=a&'.repeat(51)}`, 'bad-value', /at most 50 times/],
    ['findings?cursor=nonsense', 'bad-cursor', /as it came/],
    ['nodes?cursor=bnVsbA', 'bad-cursor', /\/api\/v1\/nodes/],
  ])('%s is refused with %s', async (query, code, detail) => {
    const { status, type, body } = await refused(`/api/v1/${query}`);
    expect([status, type, body.code]).toEqual([400, 'application/problem+json', code]);
    expect(body.detail).toMatch(detail);
  });

  it('with the cursor of another list is refused', async () => {
    const app = buildApp(httpOptions({ record: auditRecord({ nodes: ['a', 'b'].map((name) => nodeRecord(name)) }) }));
    const { next } = (await app.inject('/api/v1/nodes?limit=1')).json();
    const answers = await Promise.all(
      ['findings', 'nodes', 'services'].map((list) => app.inject(`/api/v1/${list}?cursor=${next}`)),
    );
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([400, 200, 200]);
  });

  it('says which parameter is at fault and what it takes', async () => {
    const { body } = await refused('/api/v1/nodes?state=sick');
    expect([body.parameter, body.allowed]).toEqual(['state', ['healthy', 'unhealthy', 'unknown']]);
  });
});

describe('a path', () => {
  it.each(['/api', '/api/v1', '/api/v1/findings/', '/API/v1/findings', '/api/v1/services/shop', '/openapi.json/'])(
    '%s is nothing',
    async (url) => {
      const { status, body } = await refused(url);
      expect([status, body.code]).toEqual([404, 'no-such-path']);
    },
  );

  it.each([
    ['is no encoded text', '/api/v1/nodes/%zz'],
    ['is encoded where it need not be', '/api/v1/%6eodes'],
    ['names a slash in a name', '/api/v1/nodes/..%2fnodes'],
    ['has an empty part', '//api/v1/findings'],
    ['has a parameter of its own', '/api/v1/findings;x'],
  ])('that %s is refused: a path is written in one way', async (_what, url) => {
    const { status, type, body } = await refused(url);
    expect([status, type, body.code]).toEqual([400, 'application/problem+json', 'bad-request']);
  });

  it.each([
    ['a name', `/api/v1/nodes/${'x'.repeat(254)}`],
    ['the whole', `/api/v1/nodes?state=${'x'.repeat(4_096)}`],
  ])('of which %s is too long is refused', async (_what, url) => {
    const { status, body } = await refused(url);
    expect([status, body.code]).toEqual([414, 'url-too-long']);
  });
});

describe('a method', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'] as const)('%s is not taken anywhere', async (method) => {
    const { status, allow, body } = await refused('/api/v1/nodes/node-a', method);
    expect([status, allow, body.code]).toEqual([405, 'GET, HEAD', 'method-not-allowed']);
  });

  it('is of no matter where there is nothing', async () => {
    expect((await refused('/api/v2/nodes', 'POST')).status).toBe(404);
  });

  it('HEAD is answered like GET, without the body', async () => {
    const app = buildApp(httpOptions({ record }));
    const urls = ['/api/v1/nodes', '/api/v1/nodes/node-a', '/api/v1/events', '/readyz', '/metrics', '/openapi.json'];
    const heads = await Promise.all(urls.map((url) => app.inject({ method: 'HEAD', url })));
    expect(heads.map(({ statusCode, body }) => [statusCode, body])).toEqual(urls.map(() => [200, '']));
  });
});

describe('every answer', () => {
  it.each(['/api/v1/nodes', '/api/v1/none', '/api/v1/nodes?limit=0', '/metrics', '/livez'])(
    'says what a browser must not do with it: %s',
    async (url) => {
      const { headers } = await buildApp(httpOptions({ record })).inject(url);
      expect({
        cache: headers['cache-control'],
        policy: headers['content-security-policy'],
        referrer: headers['referrer-policy'],
        sniffing: headers['x-content-type-options'],
      }).toEqual({
        cache: 'no-store',
        policy: "default-src 'none'; frame-ancestors 'none'",
        referrer: 'no-referrer',
        sniffing: 'nosniff',
      });
    },
  );
});

describe('a defect inside', () => {
  it('is told without its details, which are in the log', async () => {
    const broken = {
      ...record,
      nodes: () => {
        throw new Error('secret of /var/lib');
      },
    };
    const options = httpOptions({ record: broken });
    const answer = await buildApp(options).inject('/api/v1/nodes');
    expect([answer.statusCode, answer.json().code, answer.body]).toEqual([
      500,
      'internal',
      expect.not.stringContaining('secret'),
    ]);
    expect(options.lines).toEqual([
      { level: 'error', fields: { err: expect.any(Error), path: '/api/v1/nodes' }, message: 'a request failed' },
    ]);
  });
});

describe('bytes on a connection', () => {
  const server = new HttpServer(httpOptions({ record }));
  let port = 0;

  beforeAll(async () => {
    port = Number(new URL(await server.start({ host: '127.0.0.1', port: 0 })).port);
  });
  afterAll(() => server.stop());

  /** What comes back until the server closes the connection. */
  function sent(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('utf8');
      socket.on('data', (piece) => {
        answer += piece;
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });
  }

  const get = 'GET /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\n';

  it.each([
    ['that are no HTTP', 'hello\r\n\r\n', 400, 'bad-request'],
    ['with huge headers', `${get}X: ${'x'.repeat(limits.headerBytes)}\r\n\r\n`, 431, 'headers-too-large'],
    ['with a body', `${get}Content-Length: 5\r\n\r\nhello`, 400, 'body-refused'],
    ['with a body in chunks', `${get}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, 400, 'body-refused'],
    [
      'that post',
      'POST /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello',
      405,
      'method-not-allowed',
    ],
  ])('%s are refused, and the connection ends', async (_what, text, status, code) => {
    const answer = await sent(text);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect([head.split(' ')[1], /content-type: (.*)/i.exec(head)?.[1], JSON.parse(body).code]).toEqual([
      String(status),
      'application/problem+json',
      code,
    ]);
  });

  it.each(['/api/v1/../v1/nodes', '/api/v1/%2e%2e/v1/nodes', 'http://localhost/api/v1/nodes', '*', '/api/v1/nodes#x'])(
    'that ask for %s come nowhere',
    async (target) => {
      const answer = await sent(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect(answer.slice(0, 12)).toBe('HTTP/1.1 400');
    },
  );

  it('are given the time and the room that the limits say', async () => {
    const app = buildApp(httpOptions());
    const { requestTimeout, headersTimeout, maxConnections, timeout } = app.server;
    expect({ requestTimeout, maxConnections, timeout }).toEqual({
      requestTimeout: 10_000,
      maxConnections: 200,
      timeout: 60_000,
    });
    expect(headersTimeout).toBeLessThanOrEqual(60_000);
    await app.close();
  });
});
