import { describe, expect, it } from 'vitest';
import { timeText, unixSeconds } from './times.ts';

describe('a point in time', () => {
  it('is the same as text and as number, through leap years and the turns of centuries', () => {
    const wrong = [];
    for (let day = 0; day < 60_000; day++) {
      const seconds = day * 86_400 + ((day * 7919) % 86_400);
      const text = new Date(seconds * 1000).toISOString().replace('.000', '');
      if (timeText(seconds) !== text || unixSeconds(text) !== seconds) wrong.push(text);
    }
    expect(wrong).toEqual([]);
  });

  it('keeps parts of a second as a number, and loses them as text', () => {
    expect(unixSeconds('2026-11-22T07:50:12.250Z')).toBe(1795333812.25);
    expect(timeText(1795333812.25)).toBe('2026-11-22T07:50:12Z');
  });

  it.each(['', 'now', '2026-11-22', '2026-11-22T07:50:12', '2026-11-22T07:50:12+01:00'])('is not %j', (text) => {
    expect(unixSeconds(text)).toBeNull();
  });
});
