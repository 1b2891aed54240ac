/** Access as a client meets it: the whole HTTP side, and the API's stand-in behind it. */
import { describe, expect, it } from 'vitest';
import { auditRecord, nodeRecord } from '../../../test/audit-record.ts';
import { httpOptions } from '../../../test/http-options.ts';
import { people } from '../../../test/people.ts';
import { buildApp } from '../app.ts';

const record = auditRecord({ nodes: [nodeRecord('node-a')] });
const everything = ['/plumbline/*', '/metrics'];

/** Time passes with every request, unless `pace` is 0: so that none comes too often. */
function bench(pace = 10_000) {
  const { api, access, person, questions } = people();
  let passed = 0;
  const monotonic = () => {
    passed += pace;
    return passed;
  };
  const options = httpOptions({ record, access, monotonic });
  const app = buildApp(options);
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await app.inject({ method: 'GET', url, headers });
    return { status: answer.statusCode, headers: answer.headers, text: answer.body };
  };
  const post = (url: string, more: { headers?: Record<string, string>; payload?: string } = {}) =>
    app.inject({
      method: 'POST',
      url,
      headers: { ...fromOurPage, 'content-type': 'application/json', ...more.headers },
      payload: more.payload ?? '',
    });
  const logIn = (token: string) => post('/login', { payload: JSON.stringify({ token }) });
  /** Lines of the audit log. */
  const audited = () => options.lines.filter(({ fields }) => 'audit' in fields);
  return { api, app, options, person, questions, get, post, logIn, audited };
}

const fromOurPage = { host: 'localhost:8080', origin: 'http://localhost:8080', 'x-plumbline': '1' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const codeIn = (text: string) => JSON.parse(text).code;
const shared = bench();

describe('without saying who asks', () => {
  it.each(['/api/v1/nodes', '/api/v1/whoami', '/api/v1/events', '/openapi.json', '/metrics', '/api/v1/snapshot'])(
    '%s is not answered',
    async (url) => {
      const { status, headers, text } = await shared.get(url);
      expect([status, headers['www-authenticate'], codeIn(text)]).toEqual([
        401,
        'Bearer realm="plumbline"',
        'unauthenticated',
      ]);
    },
  );

  it.each(['/', '/nodes', '/findings/abc', '/services/shop/web', '/login', '/livez', '/readyz'])(
    '%s is, and has nothing of the cluster',
    async (url) => {
      const { status, text } = await shared.get(url);
      expect([status, text.includes('node-a')]).toEqual([200, false]);
    },
  );
});

describe('a person', () => {
  it('sees what a ClusterRole gives, and is told what would give the rest', async () => {
    const { person, get, questions } = bench();
    const jane = bearer(person('jane', ['/plumbline/api/v1/nodes', '/plumbline/api/v1/nodes/*']));
    const urls = ['/api/v1/nodes', '/api/v1/nodes/node-a?', '/api/v1/findings', '/api/v1/snapshot', '/metrics'];
    const answers = await Promise.all(urls.map((url) => get(url, jane)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 403, 403]);
    expect(answers.slice(2).map(({ text }) => /plumbline-\w+ gives/.exec(text)?.[0])).toEqual([
      'plumbline-viewer gives',
      'plumbline-snapshot gives',
      'plumbline-metrics gives',
    ]);
    expect(questions.map(({ path }) => path)).toEqual([
      '/plumbline/api/v1/nodes',
      '/plumbline/api/v1/nodes/node-a',
      '/plumbline/api/v1/findings',
      '/plumbline/api/v1/snapshot',
      '/metrics',
    ]);
  });

  it('who may only what every cluster gives to everybody sees nothing', async () => {
    const { person, get } = shared;
    const anybody = bearer(person('somebody', []));
    const urls = ['/api/v1/nodes', '/api/v1/findings', '/api/v1/overview', '/openapi.json', '/metrics'];
    const answers = await Promise.all(urls.map((url) => get(url, anybody)));
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
  });

  it('is asked about with `get` for HEAD too', async () => {
    const { app, person, questions } = bench();
    const headers = bearer(person('jane', []));
    const { statusCode } = await app.inject({ method: 'HEAD', url: '/api/v1/nodes', headers });
    expect([statusCode, questions.map(({ verb }) => verb)]).toEqual([403, ['get']]);
  });

  it('is not let in while the API server does not answer', async () => {
    const { api, person, get } = bench();
    const jane = bearer(person('jane', everything));
    api.fail({ verb: 'review', what: { kind: 'status', status: 503 } });
    const { status, headers, text } = await get('/api/v1/nodes', jane);
    expect([status, headers['retry-after'], codeIn(text)]).toEqual([503, '5', 'review-unavailable']);
    expect((await get('/api/v1/nodes', jane)).status).toBe(200);
  });

  it('learns of itself', async () => {
    const { person, get } = bench();
    const { text } = await get('/api/v1/whoami', bearer(person('jane', everything)));
    expect(JSON.parse(text)).toEqual({
      apiVersion: 'plumbline.dev/v1',
      kind: 'Whoami',
      mode: 'kubernetes',
      username: 'jane',
      how: 'token',
      until: null,
    });
    const { body } = await buildApp(httpOptions({ record })).inject('/api/v1/whoami');
    expect(JSON.parse(body)).toMatchObject({ mode: 'none', username: null, how: null, until: null });
  });
});

describe('a log-in', () => {
  it('gives a cookie that opens what the token opens, until the log-out', async () => {
    const { person, get, post, logIn } = bench();
    const answer = await logIn(` ${person('jane', everything)}\n`);
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      expect.objectContaining({ username: 'jane', how: 'session', until: '2026-11-22T13:00:00.000Z' }),
    ]);
    const [set = '', ...others] = [answer.headers['set-cookie']].flat().map(String);
    expect([set, others]).toEqual([
      expect.stringMatching(/^plumbline-session=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/),
      [],
    ]);
    const cookie = set.split(';')[0] ?? '';
    expect((await get('/api/v1/nodes', { cookie })).status).toBe(200);
    const out = await post('/logout', { headers: { cookie } });
    expect([out.statusCode, out.headers['set-cookie']]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect((await get('/api/v1/nodes', { cookie })).status).toBe(401);
  });

  it.each<[string, Record<string, string>]>([
    ['of another site', { origin: 'http://evil.example' }],
    ['of the same host at another port', { origin: 'http://localhost:8081' }],
    ['of a sandboxed page', { origin: 'null' }],
    ['without an origin', { origin: '' }],
    ['without the header that a form cannot send', { 'x-plumbline': '' }],
  ])('%s is refused', async (_what, headers) => {
    const { person, post } = shared;
    const payload = JSON.stringify({ token: person('jane', everything) });
    const answers = [await post('/login', { headers, payload }), await post('/logout', { headers })];
    expect(answers.map((answer) => [answer.statusCode, answer.json().code, answer.headers['set-cookie']])).toEqual([
      [403, 'cross-site', undefined],
      [403, 'cross-site', undefined],
    ]);
  });

  it.each([
    ['{"token":"wrong"}', 401, 'unauthenticated'],
    ['{"token":""}', 400, 'bad-body'],
    ['{"token":["x"]}', 400, 'bad-body'],
    ['{"token":"x","user":"y"}', 400, 'bad-body'],
    ['{"token":"x y"}', 400, 'bad-body'],
    ['[]', 400, 'bad-body'],
    ['null', 400, 'bad-body'],
    ['{', 400, 'bad-body'],
    ['{"__proto__":{"token":"x"}}', 400, 'bad-body'],
    [JSON.stringify({ token: 'x'.repeat(16_384) }), 413, 'body-too-large'],
  ])('with %.30s is refused', async (payload, status, code) => {
    const answer = await shared.post('/login', { payload });
    expect([answer.statusCode, answer.json().code, answer.headers['set-cookie']]).toEqual([status, code, undefined]);
  });

  it('as a form is refused', async () => {
    const headers = { 'content-type': 'text/plain' };
    const answer = await shared.post('/login', { headers, payload: '{"token":"x"}' });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'bad-body']);
  });

  it('is tried ten times a minute from one address', async () => {
    const { logIn } = bench(0);
    const codes: number[] = [];
    for (let index = 0; index < 11; index++) codes.push((await logIn(`guess${index}`)).statusCode);
    expect(codes).toEqual([...Array<number>(10).fill(401), 429]);
  });

  it('is a POST: what the page shows there is a GET', async () => {
    const { app } = shared;
    const answer = await app.inject({ method: 'DELETE', url: '/login', headers: fromOurPage });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET, HEAD, POST']);
  });
});

describe('the audit log', () => {
  it('says who looked at what, who was refused, who came and went; and never a token', async () => {
    const { person, get, post, logIn, audited, options } = bench();
    const jane = bearer(person('jane', ['/plumbline/api/v1/nodes*']));
    await get('/api/v1/nodes', jane);
    await get('/api/v1/nodes/node-a?', jane);
    await get('/api/v1/services/shop/web', jane);
    await get('/api/v1/nodes', bearer('stolen'));
    await logIn('wrong');
    const answer = await logIn('token-of-jane');
    await post('/logout', { headers: { cookie: String(answer.headers['set-cookie']).split(';')[0] ?? '' } });
    const line = { audit: true, user: 'jane', verb: 'get', status: 200, source: '127.0.0.1' };
    expect(audited().map(({ fields, message }) => [message, fields])).toEqual([
      ['evidence was looked at', { ...line, path: '/api/v1/nodes/node-a', subject: 'node-a' }],
      ['access refused', { ...line, path: '/api/v1/services/shop/web', status: 403, subject: 'shop/web' }],
      ['access refused', { ...line, user: null, path: '/api/v1/nodes', status: 401 }],
      ['log-in refused', { ...line, user: null, verb: 'post', path: '/login', status: 401 }],
      ['log-in', { ...line, verb: 'post', path: '/login' }],
      ['log-out', { ...line, user: 'jane', verb: 'post', path: '/logout', status: 204 }],
    ]);
    expect(JSON.stringify(options.lines)).not.toMatch(/token-of|stolen|wrong/);
  });
});

describe('the figures of access', () => {
  it('count reviews and sessions', async () => {
    const { person, get, logIn } = bench();
    const token = person('jane', everything);
    await logIn(token);
    await get('/api/v1/nodes', bearer(token));
    const { text } = await get('/metrics', bearer(token));
    expect(text.split('\n').filter((line) => /^plumbline_http_(token|access|sess|audit)/.test(line))).toEqual([
      'plumbline_http_token_reviews_total{outcome="authenticated"} 1',
      'plumbline_http_token_reviews_total{outcome="remembered"} 2',
      'plumbline_http_access_reviews_total{outcome="allowed"} 2',
      'plumbline_http_sessions 1',
      'plumbline_http_audit_lines_suppressed_total 0',
    ]);
  });
});
