import { describe, expect, it } from 'vitest';
import { RisingCounters } from './rising-counters.ts';

/** Each answer as `[seconds, total of "failures", or null where it is not told]`. */
function increases(answers: readonly (readonly [number, number | null])[]) {
  const counters = new RisingCounters();
  return answers.map(([seconds, total]) => {
    const totals = new Map(total === null ? [] : [['failures', total]]);
    return counters.advance(totals, 1000 * seconds).get('failures') ?? null;
  });
}

describe('a counter', () => {
  it('has no increase at the first answer, whatever it stands at', () => {
    expect(increases([[100, 7]])).toEqual([{ total: 7, increase: 0, windowSeconds: 0, reset: false }]);
  });

  it('that stands still has none', () => {
    expect(
      increases([
        [0, 7],
        [5, 7],
        [120, 7],
      ]).at(-1),
    ).toEqual({
      total: 7,
      increase: 0,
      windowSeconds: 115,
      reset: false,
    });
  });

  it('that rises every half minute is seen rising by each answer in between', () => {
    const seen = increases([
      [0, 0],
      [10, 0],
      [20, 0],
      [30, 1],
      [40, 1],
      [50, 1],
      [60, 2],
      [70, 2],
      [80, 2],
      [90, 3],
    ]);
    expect(seen.map((counter) => counter?.increase)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 2]);
    expect(seen.at(-1)?.windowSeconds).toBe(60);
  });

  it('that rose once is at rest again after a minute', () => {
    const seen = increases([
      [0, 0],
      [30, 1],
      [60, 1],
      [90, 1],
      [91, 1],
    ]);
    expect(seen.map((counter) => counter?.increase)).toEqual([0, 1, 1, 0, 0]);
  });

  it('that appears counted from zero: a failure is not told before there is one', () => {
    expect(
      increases([
        [0, null],
        [5, 2],
      ]),
    ).toEqual([null, { total: 2, increase: 2, windowSeconds: 5, reset: false }]);
  });

  it('that fell was started anew: all of it is new', () => {
    expect(
      increases([
        [0, 50],
        [5, 60],
        [10, 3],
        [15, 4],
      ]),
    ).toEqual([
      { total: 50, increase: 0, windowSeconds: 0, reset: false },
      { total: 60, increase: 10, windowSeconds: 5, reset: false },
      { total: 3, increase: 3, windowSeconds: 5, reset: true },
      { total: 4, increase: 4, windowSeconds: 10, reset: false },
    ]);
  });

  it('that went away and came back was started anew, too', () => {
    expect(
      increases([
        [0, 5],
        [5, null],
        [10, 1],
      ]).at(-1),
    ).toEqual({
      total: 1,
      increase: 1,
      windowSeconds: 10,
      reset: false,
    });
  });
});

describe('counters of one process', () => {
  it('are all new when one of them fell', () => {
    const counters = new RisingCounters();
    counters.advance(
      new Map([
        ['a', 5],
        ['b', 5],
      ]),
      0,
    );
    const anew = counters.advance(
      new Map([
        ['a', 1],
        ['b', 6],
      ]),
      5000,
    );
    expect([...anew]).toEqual([
      ['a', { total: 1, increase: 1, windowSeconds: 5, reset: true }],
      ['b', { total: 6, increase: 6, windowSeconds: 5, reset: true }],
    ]);
  });

  it('are remembered for a minute only', () => {
    const counters = new RisingCounters();
    for (let second = 0; second < 1000; second++) counters.advance(new Map([['a', second]]), 1000 * second);
    expect(counters.advance(new Map([['a', 1000]]), 1_000_000).get('a')).toEqual({
      total: 1000,
      increase: 60,
      windowSeconds: 60,
      reset: false,
    });
  });
});
