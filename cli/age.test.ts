import { describe, expect, it } from 'vitest';
import { ageOf, ageText } from './age.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('an age', () => {
  it.each([
    [-5 * second, '0s'],
    [0, '0s'],
    [119 * second, '119s'],
    [3 * minute + 12 * second, '3m12s'],
    [4 * minute, '4m'],
    [179 * minute, '179m'],
    [3 * hour + 5 * minute, '3h5m'],
    [47 * hour, '47h'],
    [3 * day + 4 * hour, '3d4h'],
    [400 * day, '400d'],
  ])('of %i milliseconds is %s', (milliseconds, expected) => {
    expect(ageText(milliseconds)).toBe(expected);
  });

  it('of what has no time is not told', () => {
    expect([ageOf(null, 0), ageOf('soon', 0), ageOf('1970-01-01T00:00:00Z', 9_000)]).toEqual(['-', '-', '9s']);
  });
});
