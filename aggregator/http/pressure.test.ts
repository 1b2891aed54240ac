import { describe, expect, it } from 'vitest';
import { LoopPressure } from './pressure.ts';

/** Whether the loop is behind after turns that came so late. */
function behindAfter(...lateMs: readonly number[]): boolean {
  const pressure = new LoopPressure(0);
  let now = 0;
  for (const late of lateMs) {
    now += 500 + late;
    pressure.turn(now);
  }
  return pressure.isBehind;
}

describe('the event loop', () => {
  it.each([
    [[], false],
    [[0, 0, 0], false],
    [[1_500], false],
    [[1_500, 1_500], true],
    [[1_500, 1_500, 0], false],
    [[5_000], true],
    [[5_000, 0, 0], false],
  ])('that turned so late (ms): %j is behind: %s', (late, behind) => {
    expect(behindAfter(...late)).toBe(behind);
  });
});
