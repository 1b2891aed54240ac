import { describe, expect, it } from 'vitest';
import { shareOf, stretchesOf } from './life-line.ts';

describe('the life of a finding', () => {
  const at = (minute: number) => `2026-11-23T02:${String(minute).padStart(2, '0')}:00.000Z`;
  const now = Date.parse(at(30));
  const step = (minute: number, kind: Parameters<typeof stretchesOf>[0][number]['kind']) => ({ at: at(minute), kind });

  it('is what it was from each step to the next, and to now', () => {
    expect(stretchesOf([step(2, 'firing'), step(1, 'pending')], now)).toEqual([
      { state: 'pending', from: Date.parse(at(1)), to: Date.parse(at(2)) },
      { state: 'firing', from: Date.parse(at(2)), to: now },
    ]);
  });

  it('goes on as it was when it is known again, or no longer accepted', () => {
    const steps = [step(8, 'unsuppressed'), step(6, 'suppressed'), step(5, 'known'), step(4, 'unknown')];
    const states = stretchesOf([...steps, step(2, 'firing'), step(1, 'pending')], now).map(({ state }) => state);
    expect(states).toEqual(['pending', 'firing', 'unknown', 'firing', 'suppressed', 'firing']);
  });

  it('ends with its end, and has a gap between two episodes', () => {
    const first = [step(3, 'resolved'), step(2, 'firing'), step(1, 'pending')];
    expect(stretchesOf(first, now).map(({ state }) => state)).toEqual(['pending', 'firing']);
    const again = [step(9, 'pending'), ...first];
    expect(stretchesOf(again, now).map(({ state }) => state)).toEqual(['pending', 'firing', 'over', 'pending']);
  });

  it('is drawn so that an hour is more than a minute, and does not hide it', () => {
    const share = (minutes: number) => shareOf({ state: 'firing', from: 0, to: minutes * 60_000 });
    expect([share(1), share(60)]).toEqual([60, 118]);
  });
});
