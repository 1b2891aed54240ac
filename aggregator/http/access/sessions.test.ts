import { describe, expect, it } from 'vitest';
import { Sessions } from './sessions.ts';

const named = (username: string) => ({ username, uid: null, groups: [], extra: {} });
const start = Date.UTC(2026, 10, 22, 8);

function bench() {
  const clock = { now: start };
  const sessions = new Sessions(() => clock.now);
  const begin = (username = 'jane', expiresAt: number | null = null) => {
    const begun = sessions.begin({ token: `token of ${username}`, person: named(username), expiresAt });
    if (begun === 'full') throw new Error('full');
    return begun;
  };
  return { clock, sessions, begin };
}

describe('a session', () => {
  it('is found by its name of 256 random bits, and by no other', () => {
    const { sessions, begin } = bench();
    const { id, session } = begin();
    expect([id, sessions.find(id)]).toEqual([expect.stringMatching(/^[\w-]{43}$/), session]);
    expect(
      ['', 'x', `${id}x`, session.key, begin('joe').id].map((name) => sessions.find(name)?.person.username),
    ).toEqual([...[undefined, undefined, undefined, undefined], 'joe']);
  });

  it('is kept by the hash of its name', () => {
    const { id, session } = bench().begin();
    expect(JSON.stringify(session)).not.toContain(id);
  });

  it.each([
    ['an hour', null, 3_600_000],
    ['as long as its token', start + 60_000, 60_000],
    ['no longer than an hour, however long its token does', start + 86_400_000, 3_600_000],
  ])('lasts %s', (_long, expiresAt, ms) => {
    const { clock, sessions, begin } = bench();
    const { id } = begin('jane', expiresAt);
    clock.now += ms - 1;
    expect(sessions.find(id)?.until).toBe(start + ms);
    clock.now += 1;
    expect([sessions.find(id), sessions.size]).toEqual([null, 0]);
  });

  it('is over when it is ended', () => {
    const { sessions, begin } = bench();
    const { id, session } = begin();
    sessions.end(session);
    expect([sessions.find(id), sessions.isOpen(session)]).toEqual([null, false]);
  });
});

describe('many sessions', () => {
  it('of one person end the oldest of that person', () => {
    const { sessions, begin } = bench();
    const other = begin('joe');
    const [first, second] = Array.from({ length: 21 }, () => begin());
    expect([first, second, other].map((begun) => begun && sessions.isOpen(begun.session))).toEqual([false, true, true]);
    expect(sessions.size).toBe(21);
  });

  it('are a thousand, until some end', () => {
    const { clock, sessions, begin } = bench();
    for (let index = 0; index < 1_000; index++) begin(`user ${index}`);
    expect(sessions.begin({ token: 't', person: named('late'), expiresAt: null })).toBe('full');
    clock.now += 3_600_000;
    expect(sessions.begin({ token: 't', person: named('late'), expiresAt: null })).not.toBe('full');
    expect(sessions.size).toBe(1);
  });
});
