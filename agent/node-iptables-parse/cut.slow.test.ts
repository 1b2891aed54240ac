import { describe, expect, it } from 'vitest';
import { acceptedCuts, lineStarts, randomPlaces } from '../../test/recorded-cuts.ts';
import { recordedDumps } from '../../test/recorded-dumps.ts';
import { recordingNames } from '../../test/recordings.ts';

const dumps = recordingNames.flatMap(recordedDumps);
const small = dumps.filter(({ bytes }) => bytes.length < 100_000);
const large = dumps.filter(({ bytes }) => bytes.length >= 100_000);
/** Of half a million lines, as many are cut at. */
const linesOfLarge = 100;

describe('every recorded dump that is cut', () => {
  it.each(small)('$name is refused at every line and at 1,000 other bytes', ({ bytes }) => {
    expect(acceptedCuts(bytes, [...lineStarts(bytes), ...randomPlaces(bytes), bytes.length - 1])).toEqual([]);
    expect(acceptedCuts(bytes, [bytes.length])).toEqual([bytes.length]);
  });

  it.each(large)('$name is refused at 100 lines and 100 other bytes', { timeout: 600_000 }, ({ bytes }) => {
    const lines = lineStarts(bytes);
    const some = lines.filter((_, line) => line % Math.ceil(lines.length / linesOfLarge) === 0);
    expect(acceptedCuts(bytes, [...some, ...randomPlaces(bytes).slice(0, 100), bytes.length - 1])).toEqual([]);
    expect(acceptedCuts(bytes, [bytes.length])).toEqual([bytes.length]);
  });
});
