import { describe, expect, it } from 'vitest';
import { defaultLimits, NodeLimits, SharedBytes } from './limits.ts';

describe('the bytes of one node', () => {
  it('may come at once up to the burst, and then as fast as the bucket fills', () => {
    const limits = new NodeLimits({ ...defaultLimits, burstBytes: 1064, bytesPerSecond: 100 });
    expect(limits.admitBytes(1000, false, 0)).toBe(true);
    expect(limits.admitBytes(36, false, 1000)).toBe(true);
    expect(limits.admitBytes(0, false, 1639)).toBe(false);
    expect(limits.waitMs(1639)).toBe(300_000);
  });

  it('that were asked for are taken from an account of their own first', () => {
    const limits = new NodeLimits({ ...defaultLimits, burstBytes: 1064, grantedBurstBytes: 5064 });
    expect(limits.admitBytes(5000, true, 0)).toBe(true);
    expect(limits.admitBytes(1000, true, 0)).toBe(true);
    expect(limits.admitBytes(1000, true, 0)).toBe(false);
  });
});

describe('the streams of one node', () => {
  it('are five a minute; one more, and it is quarantined for five', () => {
    const limits = new NodeLimits(defaultLimits);
    const answers = [0, 1, 2, 3, 59_999, 59_999, 60_000, 359_998, 359_999].map((at) => limits.admitStream(at));
    expect(answers).toEqual([...Array(5).fill('admitted'), 'throttled', 'quarantined', 'quarantined', 'admitted']);
  });
});

describe('bytes that several hold together', () => {
  it('never are more than the most, and giving back always works', () => {
    const shared = new SharedBytes(100);
    expect([shared.exchange(0, 60), shared.exchange(0, 60), shared.exchange(60, 10), shared.exchange(0, 60)]).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(shared.held).toBe(70);
  });
});
