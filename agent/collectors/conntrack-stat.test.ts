import { describe, expect, it } from 'vitest';
import { readConntrackStat } from './conntrack-stat.ts';

/** As Linux 6.18 prints them for two CPUs. */
const head =
  'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart';
const cpu = (failed: string, drop: string, early: string) =>
  `000001f4  00000000 00000000 00000000 00000003 00000000 00000000 00000000 00000000 ${failed} ${drop} ${early} 00000000  00000000 00000000 00000000 00000000`;

describe('what connection tracking counts', () => {
  it('is the sum over all CPUs, of hexadecimal numbers', () => {
    const counts = readConntrackStat(
      `${[head, cpu('0000001f', '00000000', '00000001'), cpu('00000001', '0000000a', '00000000')].join('\n')}\n`,
    );
    expect(['insert_failed', 'drop', 'early_drop', 'invalid'].map((name) => counts?.get(name))).toEqual([32, 10, 1, 6]);
  });

  it('is found by its name: older kernels count other things', () => {
    expect(readConntrackStat('entries  searched insert_failed\n00000002  00000001 0000000f\n')).toEqual(
      new Map([
        ['searched', 1],
        ['insert_failed', 15],
      ]),
    );
  });

  it.each(['', 'entries drop\n', 'nothing\n00000001\n', 'entries drop\n00000001\n', 'entries drop\n00000001 zz\n'])(
    'is nothing where the text is no such table: %j',
    (text) => {
      expect(readConntrackStat(text)).toBeNull();
    },
  );
});
