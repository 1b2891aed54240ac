import { describe, expect, it } from 'vitest';
import { defaultPace, Pace } from './pace.ts';

/** A node whose reading costs so much and takes as long, read for a while. @returns seconds at which readings began. */
function readFor(seconds: number, cost: number, hintEvery: number | null = null): readonly number[] {
  const pace = new Pace(defaultPace, 0);
  const starts: number[] = [];
  let isHinted = false;
  let lastStart = -1;
  for (let ms = 0; ms < seconds * 1000; ms += 100) {
    if (hintEvery !== null && Math.floor(ms / 1000 / hintEvery) > Math.floor(lastStart / 1000 / hintEvery))
      isHinted = true;
    if (pace.waitMs(ms, isHinted) > 0) continue;
    starts.push(ms / 1000);
    pace.spent(cost, ms, ms + cost * 1000);
    isHinted = false;
    lastStart = ms;
  }
  return starts;
}

function gaps(starts: readonly number[]): readonly number[] {
  return starts.slice(1).map((start, index) => Math.round((start - (starts[index] ?? 0)) * 10) / 10);
}

describe('regular readings', () => {
  it('of a small node come every five seconds', () => {
    expect(gaps(readFor(31, 0.02))).toEqual([5, 5, 5, 5, 5, 5]);
  });

  it('of a larger one come so seldom that they cost eight thousandths of a core', () => {
    expect(gaps(readFor(200, 0.4))).toEqual([17, 50, 50, 50]);
  });

  it('come every five minutes, whatever they cost', () => {
    expect(gaps(readFor(1300, 16))).toEqual([300, 300, 300, 300]);
  });

  it('do not follow what the first one cost, which also compiled the code', () => {
    const pace = new Pace(defaultPace, 0);
    pace.spent(0.36, 0, 400);
    expect(pace.intervalSeconds).toBe(15);
    pace.spent(0.02, 15_000, 15_100);
    expect(pace.intervalSeconds).toBe(5);
  });

  it('keep their interval while costs waver by a fifth, and follow what lasts', () => {
    const pace = new Pace(defaultPace, 0);
    const after = [0.6, 0.2, 0.22, 0.18, 0.23, 0.5, 0.5, 0.5, 0.5].map((cost, index) => {
      pace.spent(cost, index * 60_000, index * 60_000 + 200);
      return pace.intervalSeconds;
    });
    expect(after).toEqual([25, 25, 25, 25, 25, 37, 45, 45, 45]);
  });
});

describe('a hint', () => {
  it('to a small node is read at once, fifteen times in a row, and then as the budget allows', () => {
    const starts = readFor(60, 0.04, 1);
    expect(gaps(starts).slice(0, 17)).toEqual(Array.from({ length: 17 }, () => 1));
    expect(starts.length * 0.04).toBeLessThanOrEqual(0.6 + 0.01 * 60);
  });

  it('to a large node is not read back to back', () => {
    const between = gaps(readFor(3600, 1.5, 1)).slice(1);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(150);
    expect(Math.max(...between)).toBeLessThanOrEqual(190);
  });

  it('never makes reading cost more than a hundredth of a core over the hour', () => {
    for (const cost of [0.01, 0.04, 0.1, 0.5, 1, 2.5]) {
      const kept = 0.6 + cost;
      expect(readFor(3600, cost, 1).length * cost).toBeLessThanOrEqual(36 + kept);
    }
  });

  it('finds the budget whole again after some quiet minutes of regular readings', () => {
    const pace = new Pace(defaultPace, 0);
    let ms = 0;
    for (; pace.waitMs(ms, true) === 0; ms += 100) pace.spent(0.2, ms, ms);
    expect(pace.waitMs(ms, true)).toBeGreaterThan(0);
    for (const end = ms + 600_000; ms < end; ms += 1000) if (pace.waitMs(ms, false) === 0) pace.spent(0.2, ms, ms);
    expect(pace.waitMs(ms, true)).toBe(0);
  });
});

describe('slowing down', () => {
  it('holds for regular readings and for hints, until it is taken back', () => {
    const pace = new Pace(defaultPace, 0);
    pace.spent(0.02, 0, 100);
    pace.slowDown(60);
    expect([pace.intervalSeconds, pace.waitMs(1000, false), pace.waitMs(1000, true)]).toEqual([60, 59_000, 59_000]);
    pace.slowDown(null);
    expect([pace.intervalSeconds, pace.waitMs(1000, false), pace.waitMs(1000, true)]).toEqual([5, 4000, 0]);
  });
});
