import { describe, expect, it } from 'vitest';
import type { Lookup } from '../../proto/parts.ts';
import { address } from '../../test/builders.ts';
import type { LookupOutcome } from './ask.ts';
import type { PlannedLookup } from './planned-lookups.ts';
import { LookupWindow } from './lookup-window.ts';

const asked: PlannedLookup = {
  server: address('10.96.0.10'),
  port: 53,
  by: 'service',
  protocol: 'udp',
  name: 'cluster',
  question: { name: 'kubernetes.default.svc.cluster.local.', type: 'A' },
};

const answered = (milliseconds = 1, rcode = 'NOERROR'): LookupOutcome => ({
  kind: 'answered',
  answer: { rcode, addresses: rcode === 'NOERROR' ? [address('10.96.0.1')] : [], truncated: false },
  milliseconds,
});
const lost: LookupOutcome = { kind: 'failed', error: 'timeout' };

const empty: LookupOutcome = {
  kind: 'answered',
  answer: { rcode: 'NOERROR', addresses: [], truncated: false },
  milliseconds: 1,
};

/** All but what was asked. */
function told(...outcomes: readonly LookupOutcome[]): Partial<Lookup> {
  const window = new LookupWindow(asked);
  for (const outcome of outcomes) window.add(outcome);
  const { sent, answered: of, outcomes: codes, rcode, addresses, latencyMs, error } = window.result();
  return { sent, answered: of, outcomes: codes, rcode, addresses, latencyMs, error };
}

const nothing = { rcode: null, addresses: [], latencyMs: null };
const well = { rcode: 'NOERROR', addresses: [address('10.96.0.1')], latencyMs: 1, error: null };
const failed = { addresses: [], latencyMs: 1, error: null };
const ok = 'NOERROR';

describe('the newest three of a lookup', () => {
  it.each<readonly [string, readonly LookupOutcome[], Partial<Lookup>]>([
    ['none yet', [], { ...nothing, sent: 0, answered: 0, outcomes: [], error: null }],
    ['one', [answered()], { ...well, sent: 1, answered: 1, outcomes: [ok] }],
    [
      'five, of which three count',
      [lost, lost, answered(), answered(), answered()],
      { ...well, sent: 3, answered: 3, outcomes: [ok, ok, ok] },
    ],
    [
      'all lost, in two ways',
      [lost, { kind: 'failed', error: 'ECONNREFUSED' }, lost],
      { ...nothing, sent: 3, answered: 0, outcomes: ['timeout', 'ECONNREFUSED', 'timeout'], error: 'timeout' },
    ],
    [
      'the newest lost',
      [answered(), answered(), lost],
      { ...nothing, sent: 3, answered: 2, outcomes: [ok, ok, 'timeout'], error: 'timeout', latencyMs: 1 },
    ],
    [
      'the newest an error',
      [answered(), answered(), answered(1, 'SERVFAIL')],
      { ...failed, sent: 3, answered: 3, outcomes: [ok, ok, 'SERVFAIL'], rcode: 'SERVFAIL' },
    ],
    [
      'the newest without an address',
      [answered(), empty],
      { ...failed, sent: 2, answered: 2, outcomes: [ok, 'NODATA'], rcode: ok },
    ],
    [
      'with their median time',
      [answered(1), answered(40), answered(90)],
      { ...well, sent: 3, answered: 3, outcomes: [ok, ok, ok], latencyMs: 64 },
    ],
  ])('%s', (_, outcomes, shown) => {
    expect(told(...outcomes)).toEqual(shown);
  });

  it('does not tell of small differences in time: every change is sent', () => {
    const window = new LookupWindow(asked);
    const times = [5, 6, 7, 3, 4, 8, 5].map((milliseconds) => {
      window.add(answered(milliseconds));
      return window.result().latencyMs;
    });
    expect(new Set(times)).toEqual(new Set([8]));
  });
});
