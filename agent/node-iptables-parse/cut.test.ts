import { describe, expect, it } from 'vitest';
import { acceptedCuts, lineStarts, randomPlaces } from '../../test/recorded-cuts.ts';
import { recordedDumps } from '../../test/recorded-dumps.ts';

// Those of every other recording are cut in cut.slow.test.ts.
const dumps = ['s1-healthy', 's4-mixed-backends', 's5b-recovered-after-mixed'].flatMap((recording) =>
  recordedDumps(recording).filter(({ name }) => name.endsWith('-save.txt') || name.endsWith('-save-c.txt')),
);

describe('a dump that is cut', () => {
  it.each(dumps)('$name is refused at every line and at 1,000 other bytes', ({ bytes }) => {
    expect(acceptedCuts(bytes, [...lineStarts(bytes), ...randomPlaces(bytes), bytes.length - 1])).toEqual([]);
    expect(acceptedCuts(bytes, [bytes.length])).toEqual([bytes.length]);
  });
});
