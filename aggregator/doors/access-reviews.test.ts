import { describe, expect, it } from 'vitest';
import type { AccessOutcome, AccessQuestion, Person } from '../model/access.ts';
import { AccessReviews } from './access-reviews.ts';

const jane: Person = { username: 'jane', uid: 'u-1', groups: ['a', 'b'], extra: { scope: ['x'] } };
const allowed: AccessOutcome = { ok: true, allowed: true };
const denied: AccessOutcome = { ok: true, allowed: false };

function bench(outcome: AccessOutcome | (() => Promise<AccessOutcome>) = allowed) {
  const clock = { now: 0 };
  const asked: AccessQuestion[] = [];
  const reviews = new AccessReviews({
    now: () => clock.now,
    reviewAccess: (question) => {
      asked.push(question);
      return typeof outcome === 'function' ? outcome() : Promise.resolve(outcome);
    },
  });
  const may = (person: Person = jane, path = '/api/v1/nodes', verb = 'get') => reviews.review({ person, path, verb });
  return { clock, asked, reviews, may };
}

describe('what somebody may', () => {
  it.each([
    ['yes', allowed, 300_000],
    ['no', denied, 30_000],
  ])('is remembered for its time: %s', async (_word, outcome, ms) => {
    const { clock, asked, may } = bench(outcome);
    expect([await may(), await may()]).toEqual([outcome, outcome]);
    clock.now += ms - 1;
    await may();
    expect(asked.length).toBe(1);
    clock.now += 1;
    await may();
    expect(asked.length).toBe(2);
  });

  it('is asked again for every other person, path and verb', async () => {
    const { asked, may } = bench();
    await may();
    const others: readonly Person[] = [
      { ...jane, username: 'joe' },
      { ...jane, uid: 'u-2' },
      { ...jane, uid: null },
      { ...jane, groups: ['a,b'] },
      { ...jane, groups: ['a'] },
      { ...jane, extra: { scope: ['x', 'y'] } },
      { ...jane, extra: {} },
    ];
    for (const other of others) await may(other);
    await may(jane, '/api/v1/nodes/a');
    await may(jane, '/api/v1/nodes', 'post');
    expect(asked.length).toBe(others.length + 3);
  });

  it('is no yes, and not remembered, when nobody answered or the question threw', async () => {
    const away: AccessOutcome = { ok: false, message: 'connection refused' };
    const { asked, may } = bench(away);
    expect([await may(), await may(), asked.length]).toEqual([away, away, 2]);
    const broken = bench(() => Promise.reject(new Error('socket closed')));
    expect(await broken.may()).toEqual({ ok: false, message: 'socket closed' });
  });

  it('is asked 32 at a time; who finds the line full is sent away', async () => {
    const release: (() => void)[] = [];
    const { asked, may } = bench(() => new Promise((resolve) => release.push(() => resolve(allowed))));
    const answers = Array.from({ length: 200 }, (_, index) => may(jane, `/api/v1/nodes/${index}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.length).toBe(32);
    while (release.length > 0) {
      release.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const told = await Promise.all(answers);
    expect([told.filter((answer) => answer === 'busy').length, asked.length]).toEqual([40, 160]);
  });
});
