import { describe, expect, it } from 'vitest';
import { LongVisits } from './long-visits.ts';
import { Sessions } from './sessions.ts';
import type { Visit } from './visit.ts';

const start = Date.UTC(2026, 10, 22, 8);
const person = { username: 'jane', uid: null, groups: [], extra: {} };

function bench() {
  const clock = { now: start };
  const right = { isThere: true, reviews: 0 };
  const sessions = new Sessions(() => clock.now);
  const mayStay = () => {
    right.reviews++;
    return Promise.resolve(right.isThere);
  };
  const visits = new LongVisits({ sessions, mayStay }, () => clock.now);
  const ended: string[] = [];
  const watch = (name: string, visit: Visit) => visits.watch(visit, '/api/v1/events', () => ended.push(name));
  const passed = async (ms: number) => {
    clock.now += ms;
    await visits.look();
    return [...ended];
  };
  return { sessions, right, watch, passed };
}

const withToken = (until: number | null): Visit => ({ how: 'token', person, token: 't', until });

describe('a stream', () => {
  it('ends with the token behind it', async () => {
    const { watch, passed } = bench();
    watch('short', withToken(start + 10_000));
    watch('endless', withToken(null));
    watch('of nobody', { how: 'unasked' });
    expect([await passed(9_999), await passed(1)]).toEqual([[], ['short']]);
  });

  it('ends with its session, by time or by log-out', async () => {
    const { sessions, watch, passed } = bench();
    const begun = [1, 2].map(() => sessions.begin({ token: 't', person, expiresAt: null }));
    const [first, second] = begun.map((each) => (each === 'full' ? null : each.session));
    if (!first || !second) throw new Error('full');
    watch('logged out', { how: 'session', person, session: first, until: first.until });
    watch('stayed', { how: 'session', person, session: second, until: second.until });
    sessions.end(first);
    expect([await passed(1_000), await passed(3_600_000)]).toEqual([['logged out'], ['logged out', 'stayed']]);
  });

  it('ends within a minute of the loss of its right', async () => {
    const { right, watch, passed } = bench();
    watch('stream', withToken(null));
    await passed(60_000);
    right.isThere = false;
    expect([await passed(59_999), right.reviews, await passed(1), right.reviews]).toEqual([[], 1, ['stream'], 2]);
  });

  it('that is over by itself is looked at no more', async () => {
    const { right, watch, passed } = bench();
    watch('stream', withToken(start + 1_000))();
    expect([await passed(60_000), right.reviews]).toEqual([[], 0]);
  });
});
