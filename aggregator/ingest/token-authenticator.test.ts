import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import type { AgentPod } from '../model/feeds.ts';
import type { ReviewOutcome, TokenReviewStatus } from '../model/token-review.ts';
import type { Verdict } from './authenticate.ts';
import { TokenAuthenticator, type TokenAuthenticatorOptions } from './token-authenticator.ts';

const podUid = '2ca736c6-e37a-4acf-b36c-401314d87f47';
const start = Date.UTC(2026, 10, 22, 8);

/** What a real API server said of a token. */
function recorded(name: string): TokenReviewStatus {
  const text = readFileSync(join(recordingFolder('api-protocol'), `tokenreview-${name}.http`), 'utf8');
  const { status } = JSON.parse(text.slice(text.indexOf('\n{'))) as {
    status: {
      authenticated?: boolean;
      user?: { username?: string; extra?: Record<string, string[]> };
      audiences?: string[];
      error?: string;
    };
  };
  return {
    authenticated: status.authenticated ?? false,
    username: status.user?.username ?? '',
    groups: [],
    extra: status.user?.extra ?? {},
    audiences: status.audiences ?? [],
    error: status.error ?? null,
  };
}

const good = recorded('good-pod-bound');
const agentPod: AgentPod = {
  uid: podUid,
  name: 'plumbline-agent-abcde',
  namespace: 'plumbline',
  nodeName: 'node-a',
  serviceAccountName: 'plumbline-agent',
  ownerUid: 'd-1',
  ownerKind: 'DaemonSet',
  ownerName: 'plumbline-agent',
};

interface Situation {
  readonly status?: TokenReviewStatus;
  readonly outcome?: ReviewOutcome;
  readonly pod?: AgentPod | null;
  /** What a live GET of the pod finds. */
  readonly refreshed?: AgentPod | null;
}

function bench(situation: Situation = {}, other: Partial<TokenAuthenticatorOptions> = {}) {
  const clock = { now: start };
  const asked: string[] = [];
  const authenticator = new TokenAuthenticator({
    reviewToken: (token) => {
      asked.push(token);
      return Promise.resolve(situation.outcome ?? { ok: true, status: situation.status ?? good });
    },
    audience: 'plumbline',
    namespace: 'plumbline',
    serviceAccount: 'plumbline-agent',
    daemonSet: 'plumbline-agent',
    pods: {
      byUid: (uid) => (uid === podUid ? (situation.pod === undefined ? agentPod : situation.pod) : null),
      refresh: () => {
        asked.push('GET pod');
        return Promise.resolve(situation.refreshed ?? null);
      },
    },
    nodeAddresses: () => ['192.168.100.11'],
    now: () => clock.now,
    ...other,
  });
  const show = (authorization: string | null = 'Bearer token', peerAddress: string | null = '192.168.100.11') =>
    authenticator.authenticate({ authorization, peerAddress });
  return { authenticator, clock, asked, show };
}

/** A token that says when it expires. */
function tokenUntil(ms: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `Bearer ${part({ alg: 'RS256' })}.${part({ exp: ms / 1000 })}.signature`;
}

function wordOf(verdict: Verdict): string {
  return verdict.ok ? verdict.identity.node : `${verdict.closing.code}: ${verdict.closing.reason}`;
}

const withExtra = (claim: string, values: readonly string[] | null): TokenReviewStatus => {
  const { [`authentication.kubernetes.io/${claim}`]: _, ...rest } = good.extra;
  const extra = values === null ? rest : { ...rest, [`authentication.kubernetes.io/${claim}`]: values };
  return { ...good, extra };
};

describe('a stream with a token', () => {
  it('of the agent on node-a is of node-a', async () => {
    expect(await bench().show()).toEqual({ ok: true, identity: { node: 'node-a', podUid, expiresAt: null } });
  });

  it.each<[string, Situation, string]>([
    ['garbage', { status: recorded('garbage') }, 'unauthenticated: token-refused'],
    ['for another audience', { status: recorded('wrong-audience') }, 'unauthenticated: token-refused'],
    [
      'taken by an authenticator that knows no audiences',
      { status: { ...good, audiences: [] } },
      'unauthenticated: other-audience',
    ],
    ['expired', { status: { ...recorded('garbage'), error: 'token has expired' } }, 'unauthenticated: token-refused'],
    [
      'not yet valid',
      { status: { ...recorded('garbage'), error: 'token is not valid yet' } },
      'unauthenticated: token-refused',
    ],
    ['of another ServiceAccount', { status: recorded('other-sa-unbound') }, 'permission-denied: other-account'],
    [
      'of the same ServiceAccount elsewhere',
      { status: { ...good, username: 'system:serviceaccount:other:plumbline-agent' } },
      'permission-denied: other-account',
    ],
    ['of a legacy Secret, bound to no pod', { status: withExtra('pod-uid', null) }, 'permission-denied: unbound-token'],
    ['of a deleted pod', { status: recorded('pod-deleted') }, 'unauthenticated: token-refused'],
    ['of a pod deleted a moment ago', { pod: null }, 'unavailable: pod-unknown'],
    [
      'of a pod that somebody else made with our ServiceAccount',
      { pod: { ...agentPod, ownerKind: 'ReplicaSet' } },
      'permission-denied: other-pod',
    ],
    ['of a pod of another DaemonSet', { pod: { ...agentPod, ownerName: 'miner' } }, 'permission-denied: other-pod'],
    [
      'that names another node than the pod runs on',
      { pod: { ...agentPod, nodeName: 'node-b' } },
      'permission-denied: other-node',
    ],
    [
      'of a pod whose node is not known yet',
      { pod: null, refreshed: { ...agentPod, nodeName: null } },
      'unavailable: pod-unknown',
    ],
    [
      'while the API server is down',
      { outcome: { ok: false, message: 'connection refused' } },
      'unavailable: review-failed',
    ],
    ['of a pod that the watch has not told of yet', { pod: null, refreshed: agentPod }, 'node-a'],
    ['from before node names were in tokens', { status: withExtra('node-name', null) }, 'node-a'],
  ])('%s', async (_, situation, word) => expect(wordOf(await bench(situation).show())).toBe(word));

  it('missing or malformed is not held against the API server at all', async () => {
    const { show, asked } = bench();
    const shown = [null, '', 'Bearer ', 'Basic abc', 'bearer abc', 'Bearer a b', `Bearer ${'a'.repeat(16_385)}`];
    for (const authorization of shown) expect(wordOf(await show(authorization))).toBe('unauthenticated: no-token');
    expect(asked).toEqual([]);
  });

  it('asks for the pod once, and only where the watch does not know it', async () => {
    const known = bench();
    await known.show();
    expect(known.asked).toEqual(['token']);
    const unknown = bench({ pod: null });
    await unknown.show();
    expect(unknown.asked).toEqual(['token', 'GET pod']);
  });

  it('from an address that is none of its node is counted, not refused', async () => {
    const { show, authenticator } = bench();
    expect(wordOf(await show('Bearer token', '::ffff:192.168.100.99'))).toBe('node-a');
    expect(wordOf(await show('Bearer token', '::ffff:192.168.100.11'))).toBe('node-a');
    const strange = authenticator.figures().find(({ name }) => name === 'plumbline_ingest_strange_peers_total');
    expect(strange?.value).toBe(1);
  });
});

describe('the end of a token', () => {
  it('by its own word is the end of its stream', async () => {
    const verdict = await bench().show(tokenUntil(start + 600_000));
    expect(verdict.ok && verdict.identity.expiresAt).toBe(start + 600_000);
  });

  it('that is past by our clock, and not by the API server, still gives a minute', async () => {
    const verdict = await bench().show(tokenUntil(start - 600_000));
    expect(verdict.ok && verdict.identity.expiresAt).toBe(start + 60_000);
  });
});

describe('what the API server said', () => {
  it('is remembered for a minute, or until the token ends', async () => {
    const { show, asked, clock } = bench();
    await show();
    clock.now += 59_999;
    await show();
    expect(asked.length).toBe(1);
    clock.now += 1;
    await show();
    expect(asked.length).toBe(2);
    await show(tokenUntil(clock.now + 1000));
    clock.now += 1000;
    await show(tokenUntil(clock.now));
    expect(asked.length).toBe(4);
  });

  it('is forgotten when the pod was deleted', async () => {
    const { show, asked, authenticator } = bench();
    await show();
    authenticator.forgetPod('another');
    await show();
    expect(asked.length).toBe(1);
    authenticator.forgetPod(podUid);
    await show();
    expect(asked.length).toBe(2);
  });

  it('is not remembered when it said nothing', async () => {
    const { show, asked } = bench({ outcome: { ok: false, message: '503' } });
    await show();
    await show();
    expect(asked.length).toBe(2);
  });

  it('is asked for once while the same token comes many times', async () => {
    const { show, asked } = bench();
    await Promise.all(Array.from({ length: 50 }, () => show()));
    expect(asked.length).toBe(1);
  });
});

describe('many tokens at once', () => {
  it('run 32 at a time; those that find the line full are sent away with a time to come back', async () => {
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const { show } = bench(
      {},
      {
        reviewToken: async () => {
          running++;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => release.push(resolve));
          running--;
          return { ok: true, status: good };
        },
      },
    );
    const verdicts = Array.from({ length: 200 }, (_, index) => show(`Bearer t${index}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(running).toBe(32);
    while (release.length > 0) {
      release.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const words = (await Promise.all(verdicts)).map(wordOf);
    expect(most).toBe(32);
    expect(words.filter((word) => word === 'node-a').length).toBe(160);
    expect(words.filter((word) => word === 'unavailable: review-busy').length).toBe(40);
    const busy = (await Promise.all(verdicts)).find((verdict) => !verdict.ok);
    expect(busy?.ok === false && busy.closing.retryAfterMs).toBe(2000);
  });

  it('whose reviews throw are refused, and the next one is reviewed', async () => {
    let count = 0;
    const { show } = bench(
      {},
      {
        reviewToken: () => {
          count++;
          return count === 1 ? Promise.reject(new Error('socket closed')) : Promise.resolve({ ok: true, status: good });
        },
      },
    );
    expect(wordOf(await show())).toBe('unavailable: review-failed');
    expect(wordOf(await show())).toBe('node-a');
  });
});
