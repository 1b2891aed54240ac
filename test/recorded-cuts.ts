/** Cuts of recorded dumps: whatever is cut must be refused, never taken for a smaller ruleset. */
import { parseRules } from 'node-iptables-parse';
import { randomFrom } from '../agent/node-iptables-parse/random.ts';
import { tableNames } from './recorded-dumps.ts';

const randomCuts = 1_000;

/** Where lines begin, the end of the dump left out. */
export function lineStarts(bytes: Buffer): readonly number[] {
  const starts = [0];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
  return starts.slice(0, -1);
}

/** A thousand places in a dump, the same ones each time. */
export function randomPlaces(bytes: Buffer): readonly number[] {
  const random = randomFrom(bytes.length);
  return Array.from({ length: randomCuts }, () => Math.floor(random() * bytes.length));
}

/** The cuts that were taken for a whole dump. */
export function acceptedCuts(bytes: Buffer, cuts: readonly number[]): readonly number[] {
  const expectTables = tableNames(bytes);
  return cuts.filter((cut) => parseRules(bytes.subarray(0, cut), { expectTables, trailer: 'required' }).ok);
}
