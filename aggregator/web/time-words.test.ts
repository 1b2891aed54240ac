import { describe, expect, it } from 'vitest';
import { exactWords, lengthWords, relativeWords } from './time-words.ts';

const second = 1_000;
const hour = 3_600 * second;

describe('times as people say them', () => {
  it.each([
    [0, 'just now'],
    [4 * second, 'just now'],
    [40 * second, '40 s ago'],
    [185 * second, '3 min ago'],
    [2 * hour, '2 h ago'],
    [2 * hour + 5 * 60 * second, '2 h 5 min ago'],
    [25 * hour, '1 day ago'],
    [100 * hour, '4 days ago'],
    [-2 * second, 'just now'],
    [-300 * second, 'in 5 min'],
  ])('%i ms ago: %s', (away, words) => {
    expect(relativeWords(10 * hour - away, 10 * hour)).toBe(words);
  });

  it('have an exact form that is the same for everybody', () => {
    expect(exactWords('2026-11-23T02:14:05.123Z')).toBe('2026-11-23 02:14:05 UTC');
    expect(exactWords('soon')).toBe('soon');
    expect(lengthWords(5 * second)).toBe('5 s');
  });
});
