import { describe, expect, it } from 'vitest';
import { backoffMs, spreadMs } from './backoff.ts';

describe('the wait before a dial', () => {
  it('is a random part of the spread', () => {
    expect([0, 0.5, 1].map((random) => spreadMs(30, () => random))).toEqual([0, 15_000, 30_000]);
  });

  it('grows with failures to 30 s', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failures) => backoffMs(failures, () => 0.5));
    expect(waits).toEqual([1_000, 1_600, 2_560, 4_096, 6_554, 10_486, 16_777, 26_844, 30_000]);
  });

  it('is half as much more or less', () => {
    expect([0, 1].map((random) => backoffMs(1, () => random))).toEqual([500, 1_500]);
    expect([0, 1].map((random) => backoffMs(Number.POSITIVE_INFINITY, () => random))).toEqual([15_000, 45_000]);
  });
});
