import { describe, expect, it } from 'vitest';
import { DrainClock } from './drain-clock.ts';

const minute = 60_000;

describe('a drained server', () => {
  it('is seen for whole minutes, and since its connections last became fewer', () => {
    const clock = new DrainClock();
    const seen = [
      { at: 0, connections: 9 },
      { at: 1.5 * minute, connections: 9 },
      { at: 3 * minute, connections: 4 },
      { at: 5 * minute, connections: 6 },
    ].map(({ at, connections }) => {
      clock.begin();
      return clock.see('a', connections, at);
    });
    expect(seen).toEqual([
      { forSeconds: 0, sinceFallSeconds: 0 },
      { forSeconds: 60, sinceFallSeconds: 60 },
      { forSeconds: 180, sinceFallSeconds: 0 },
      { forSeconds: 300, sinceFallSeconds: 120 },
    ]);
  });

  it('that had its weight back meanwhile begins anew', () => {
    const clock = new DrainClock();
    clock.begin();
    clock.see('a', 1, 0);
    clock.begin();
    clock.begin();
    expect(clock.see('a', 1, 9 * minute)).toEqual({ forSeconds: 0, sinceFallSeconds: 0 });
  });
});
