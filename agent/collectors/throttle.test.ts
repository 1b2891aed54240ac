import { expect, it } from 'vitest';
import { atMostEvery } from './throttle.ts';

it('a reading within the time is the last one, and then there is a new one', async () => {
  let seconds = 1000;
  let readings = 0;
  const read = atMostEvery(
    60,
    () => 1000 * seconds,
    async () => ++readings,
  );
  const seen = [];
  for (seconds of [1000, 1005, 1059.9, 1060, 1119, 1500]) seen.push(await read());
  expect(seen).toEqual([1, 1, 1, 2, 2, 3]);
});
