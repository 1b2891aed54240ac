import { describe, expect, it } from 'vitest';
import { randomFrom } from './random.ts';
import { parseRules } from './reader.ts';
import { recordedDumps, tableNames } from '../../test/recorded-dumps.ts';

const RANDOM_CUTS = 1_000;

const dumps = ['s1-healthy', 's4-mixed-backends', 's5b-recovered-after-mixed'].flatMap((recording) =>
  recordedDumps(recording).filter(({ name }) => name.endsWith('-save.txt') || name.endsWith('-save-c.txt')),
);

function lineStarts(bytes: Buffer): readonly number[] {
  const starts = [0];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
  return starts.slice(0, -1);
}

/** The cuts that were taken for a whole dump. */
function acceptedCuts(bytes: Buffer, cuts: readonly number[]): readonly number[] {
  const expectTables = tableNames(bytes);
  return cuts.filter((cut) => parseRules(bytes.subarray(0, cut), { expectTables, trailer: 'required' }).ok);
}

describe('a dump that is cut', () => {
  it.each(dumps)('$name is refused at every line and at 1,000 other bytes', ({ bytes }) => {
    const random = randomFrom(bytes.length);
    const bytesCut = Array.from({ length: RANDOM_CUTS }, () => Math.floor(random() * bytes.length));
    expect(acceptedCuts(bytes, [...lineStarts(bytes), ...bytesCut, bytes.length - 1])).toEqual([]);
    expect(acceptedCuts(bytes, [bytes.length])).toEqual([bytes.length]);
  });
});
