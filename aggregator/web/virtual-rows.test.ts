import { describe, expect, it } from 'vitest';
import { frozenOrder, isSameOrder, stripOf } from './virtual-rows.ts';

describe('the rows that are drawn', () => {
  it('are those near the window, of however many', () => {
    expect(stripOf(10_000, 44, { top: 300, windowHeight: 800 })).toEqual({ first: 0, end: 24 });
    expect(stripOf(10_000, 44, { top: -44_000, windowHeight: 800 })).toEqual({ first: 988, end: 1_031 });
    expect(stripOf(10_000, 44, { top: -440_000, windowHeight: 800 })).toEqual({ first: 9_988, end: 10_000 });
  });

  it('are all of a few, and none of none', () => {
    expect(stripOf(3, 44, { top: 300, windowHeight: 800 })).toEqual({ first: 0, end: 3 });
    expect(stripOf(0, 44, { top: 300, windowHeight: 800 })).toEqual({ first: 0, end: 0 });
  });
});

describe('an order that is held', () => {
  it('moves nothing: what is new comes behind, what is gone stays until it is let go', () => {
    expect(frozenOrder(['c', 'a', 'b'], ['a', 'd', 'c'])).toEqual(['c', 'a', 'b', 'd']);
  });

  it('is told from the one that is wanted by now', () => {
    expect(isSameOrder(['a', 'b'], ['a', 'b'])).toBe(true);
    expect([isSameOrder(['a', 'b'], ['b', 'a']), isSameOrder(['a'], ['a', 'b'])]).toEqual([false, false]);
  });
});
