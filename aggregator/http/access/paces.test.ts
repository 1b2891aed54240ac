import { describe, expect, it } from 'vitest';
import { Paces } from './paces.ts';

const times = (count: number, paces: Paces, who: string, at: number) =>
  Array.from({ length: count }, () => paces.admits(who, at)).filter((admitted) => admitted).length;

describe('a pace', () => {
  it('is each one’s own: some at once, then so many a second', () => {
    const paces = new Paces({ perSecond: 5, atOnce: 20 });
    expect([times(30, paces, 'a', 0), times(30, paces, 'b', 0), times(30, paces, 'a', 1_000)]).toEqual([20, 20, 5]);
  });

  it('is remembered of the last 10,000', () => {
    const paces = new Paces({ perSecond: 0, atOnce: 1 });
    paces.admits('first', 0);
    for (let index = 0; index < 9_999; index++) paces.admits(`${index}`, 0);
    expect(paces.admits('first', 0)).toBe(false);
    for (let index = 0; index < 10_000; index++) paces.admits(`other ${index}`, 0);
    expect(paces.admits('first', 0)).toBe(true);
  });
});
