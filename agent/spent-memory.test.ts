import { describe, expect, it } from 'vitest';
import { giveBackMemory } from './spent-memory.ts';

describe('what a large reading has left behind', () => {
  it('is given back, all but what is still held', () => {
    const held = Array.from({ length: 1000 }, (_, nth) => ({ nth }));
    giveBackMemory();
    const before = process.memoryUsage().heapUsed;
    let left: unknown = Array.from({ length: 500_000 }, (_, nth) => ({ nth, text: `rule ${nth}` }));
    expect(process.memoryUsage().heapUsed - before).toBeGreaterThan(20 * 2 ** 20);
    left = null;
    giveBackMemory();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5 * 2 ** 20);
    expect([held.length, left]).toEqual([1000, null]);
  });
});
