import { describe, expect, it } from 'vitest';
import type { AccessOutcome, AccessQuestion } from '../../model/access.ts';
import type { ReviewOutcome, TokenReviewStatus } from '../../model/token-review.ts';
import { Gate, type Knock } from './gate.ts';
import type { AccessOptions } from './options.ts';

const start = Date.UTC(2026, 10, 22, 8);
const jane: TokenReviewStatus = {
  authenticated: true,
  username: 'jane',
  uid: 'u-1',
  groups: ['oncall', 'system:authenticated'],
  extra: { scopes: ['x'] },
  audiences: ['plumbline-http'],
  error: null,
};
const person = { username: 'jane', uid: 'u-1', groups: jane.groups, extra: jane.extra };
const nobody: TokenReviewStatus = {
  authenticated: false,
  username: '',
  groups: [],
  extra: {},
  audiences: [],
  error: 'x',
};

interface Situation {
  readonly review?: ReviewOutcome;
  readonly access?: AccessOutcome;
}

function bench({ review = { ok: true, status: jane }, access = { ok: true, allowed: true } }: Situation = {}) {
  const clock = { now: start };
  const tokens: (readonly [string, readonly string[]])[] = [];
  const questions: AccessQuestion[] = [];
  const options: AccessOptions = {
    mode: 'kubernetes',
    audience: 'plumbline-http',
    reviewToken: (token, audiences) => {
      tokens.push([token, audiences]);
      return Promise.resolve(review);
    },
    reviewAccess: (question) => {
      questions.push(question);
      return Promise.resolve(access);
    },
  };
  const gate = new Gate({ access: options, now: () => clock.now, monotonic: () => clock.now });
  const knock = (changes: Partial<Knock> = {}) => gate.admit({ ...nodes, ...changes });
  /** The code of the refusal, or how the visit began. */
  const word = async (changes: Partial<Knock> = {}) => {
    const admission = await knock(changes);
    return admission.ok ? admission.visit.how : admission.refusal.problem.code;
  };
  return { gate, knock, word, clock, tokens, questions };
}

const nodes: Knock = {
  route: '/api/v1/nodes',
  path: '/api/v1/nodes',
  verb: 'get',
  source: '192.0.2.7',
  host: 'plumbline:8444',
  authorization: 'Bearer opaque',
  sessionId: null,
};
const nothing = { authorization: null };

/** A token for these audiences that ends at this time, Unix milliseconds. */
function tokenFor(audience: string, until = start + 600_000): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ aud: [audience], exp: until / 1000 })}.signature`;
}

describe('a request with a token', () => {
  it('is of the person that the API server knows by it, until the token ends', async () => {
    const token = tokenFor('plumbline-http');
    expect(await bench().knock({ authorization: `Bearer ${token}` })).toEqual({
      ok: true,
      visit: { how: 'token', person, token, until: start + 600_000 },
      recognised: person,
    });
  });

  it('made for us is held against our audience, any other against the API server’s own', async () => {
    const { knock, tokens } = bench();
    const [ours, agents] = [tokenFor('plumbline-http'), tokenFor('plumbline')];
    for (const token of [ours, agents, 'opaque']) await knock({ authorization: `Bearer ${token}` });
    expect(tokens).toEqual([
      [ours, ['plumbline-http']],
      [agents, []],
      ['opaque', []],
    ]);
  });

  it('asks what the person may with all that the API server said of it, behind a prefix of our own', async () => {
    const { knock, questions } = bench();
    await knock();
    await knock({ route: '/metrics', path: '/metrics' });
    expect(questions).toEqual([
      { person, path: '/plumbline/api/v1/nodes', verb: 'get' },
      { person, path: '/metrics', verb: 'get' },
    ]);
  });

  it.each<[string, Situation, string, number]>([
    ['that the API server does not take', { review: { ok: true, status: nobody } }, 'unauthenticated', 401],
    ['without a name', { review: { ok: true, status: { ...jane, username: '' } } }, 'unauthenticated', 401],
    ['whose person may not', { access: { ok: true, allowed: false } }, 'forbidden', 403],
    ['while tokens are not reviewed', { review: { ok: false, message: 'down' } }, 'review-unavailable', 503],
    ['while access is not reviewed', { access: { ok: false, message: 'down' } }, 'review-unavailable', 503],
  ])('%s is refused', async (_what, situation, code, status) => {
    const admission = await bench(situation).knock();
    expect(!admission.ok && [admission.refusal.problem.code, admission.refusal.problem.status]).toEqual([code, status]);
  });

  it('taken by an authenticator that knows no audiences is not for us', async () => {
    const { word } = bench({ review: { ok: true, status: { ...jane, audiences: [] } } });
    expect(await word({ authorization: `Bearer ${tokenFor('plumbline-http')}` })).toBe('unauthenticated');
  });

  it('that may not is told what would let it', async () => {
    const admission = await bench({ access: { ok: true, allowed: false } }).knock();
    expect(!admission.ok && [admission.refusal.problem.detail, admission.recognised]).toEqual([
      '"jane" may not get /api/v1/nodes: it takes the verb get on the nonResourceURL /plumbline/api/v1/nodes, as the chart\'s ClusterRole plumbline-viewer gives it.',
      person,
    ]);
  });
});

describe('a request that shows nothing good', () => {
  it.each<[string, Partial<Knock>]>([
    ['nothing', nothing],
    ['no bearer token', { authorization: 'Basic abc' }],
    ['a session that is none', { authorization: null, sessionId: 'x'.repeat(43) }],
  ])('(%s) is told how to show something, and the API server is not asked', async (_what, shown) => {
    const { knock, tokens } = bench();
    const admission = await knock(shown);
    expect(!admission.ok && [admission.refusal.problem.status, admission.refusal.headers, tokens]).toEqual([
      401,
      { 'www-authenticate': 'Bearer realm="plumbline"' },
      [],
    ]);
  });

  it.each(['/', '/findings/:fingerprint', '/assets/:file', '/login'])('has %s all the same', async (route) => {
    expect(await bench().word({ ...nothing, route })).toBe('open');
  });
});

describe('a session', () => {
  it('is as good as its token, until it ends', async () => {
    const { gate, knock, word, clock, tokens } = bench();
    const begun = gate.sessions.begin({ token: 'opaque', person, expiresAt: null });
    if (begun === 'full') throw new Error('full');
    const { id, session } = begun;
    expect(await knock({ ...nothing, sessionId: id })).toEqual({
      ok: true,
      visit: { how: 'session', person, session, until: start + 3_600_000 },
      recognised: person,
    });
    expect(tokens).toEqual([['opaque', []]]);
    clock.now += 3_600_000;
    expect(await word({ ...nothing, sessionId: id })).toBe('unauthenticated');
  });

  it('does not count beside a header', async () => {
    const { gate, word } = bench();
    const begun = gate.sessions.begin({ token: 'opaque', person, expiresAt: null });
    const sessionId = begun === 'full' ? '' : begun.id;
    expect(await word({ authorization: 'Basic abc', sessionId })).toBe('unauthenticated');
  });
});

describe('too many requests', () => {
  it('of one person are refused, from wherever they come', async () => {
    const { word, clock } = bench();
    const words: string[] = [];
    for (let index = 0; index < 41; index++) words.push(await word({ source: `192.0.2.${index}` }));
    expect([words.slice(0, 40).every((each) => each === 'token'), words[40]]).toEqual([true, 'too-many-requests']);
    clock.now += 50;
    expect(await word()).toBe('token');
  });

  it('of an address are refused while nobody is known by them, before the API server is asked', async () => {
    const { word, tokens } = bench({ review: { ok: true, status: nobody } });
    const words: string[] = [];
    for (let index = 0; index < 21; index++) words.push(await word({ authorization: `Bearer guess${index}` }));
    expect([words[19], words[20], tokens.length]).toEqual(['unauthenticated', 'too-many-requests', 20]);
    expect(await word({ source: '192.0.2.8' })).toBe('unauthenticated');
  });

  it('of strangers keep nobody out who was known a moment ago, nor kubelet', async () => {
    const { word } = bench();
    await word();
    for (let index = 0; index < 30; index++) await word(nothing);
    expect([await word(nothing), await word(), await word({ ...nothing, route: '/livez' })]).toEqual([
      'too-many-requests',
      'token',
      'open',
    ]);
  });
});

describe('where nobody is asked who they are', () => {
  const gate = new Gate({ access: { mode: 'none' }, now: () => start, monotonic: () => 0 });
  const word = async (host: string) => {
    const admission = await gate.admit({ ...nodes, ...nothing, host });
    return admission.ok ? admission.visit.how : admission.refusal.problem.code;
  };

  it.each(['localhost', 'LOCALHOST:8080', '127.0.0.1:8080', '127.8.0.1', '[::1]:8080'])(
    '%s is answered',
    async (host) => expect(await word(host)).toBe('unasked'),
  );

  it.each(['evil.example', 'localhost.evil.example:8080', '127.0.0.1.evil.example', '', '10.0.0.1:8080', '[::2]'])(
    '%j is not: another site could be behind it',
    async (host) => expect(await word(host)).toBe('wrong-host'),
  );
});

describe('a visit that goes on', () => {
  it.each<[string, Situation, boolean]>([
    ['stays while it may', {}, true],
    ['ends when the right is taken away', { access: { ok: true, allowed: false } }, false],
    ['ends when the token counts no more', { review: { ok: true, status: nobody } }, false],
    ['stays while nobody can say', { review: { ok: false, message: 'down' } }, true],
    ['stays while nobody can say what it may', { access: { ok: false, message: 'down' } }, true],
  ])('%s', async (_what, situation, stays) => {
    const visit = { how: 'token', person, token: 'opaque', until: null } as const;
    expect(await bench(situation).gate.mayStay(visit, '/api/v1/events')).toBe(stays);
  });
});
