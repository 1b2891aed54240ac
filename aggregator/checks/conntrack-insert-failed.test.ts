import { describe, expect, it } from 'vitest';
import type { ConntrackReport, Counter } from '../../proto/parts.ts';
import { nodeView, reported } from '../../test/view-builders.ts';
import { conntrackInsertFailed } from './conntrack-insert-failed.ts';

function evaluate(insertFailed: Counter | null) {
  const counters = { drop: null, earlyDrop: null, insertFailed };
  const conntrack = reported<ConntrackReport>({
    count: 5,
    max: 1000,
    ...counters,
    udp: null,
    udpUnreadBecause: 'not asked',
  });
  return conntrackInsertFailed.evaluate(nodeView({ parts: { conntrack } }));
}

describe('conntrack-insert-failed', () => {
  it('more than one in two seconds is lost', () => {
    expect(evaluate({ total: 9000, increase: 120, windowSeconds: 60, reset: false })).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'On node-a 120 new connections a minute are lost because their entries clash: name lookups take five seconds and more.',
        evidence: [
          { kind: 'fact', name: 'insert_failed', value: '120 in the last 60 s, 9000 since the node started' },
          { kind: 'fact', name: 'usual at most', value: '30 in a minute' },
        ],
        remediation: [
          {
            command: 'conntrack -E -e NEW -p udp --orig-port-dst 53 -o timestamp | head -n 200',
            effect:
              'Run on node-a: shows which clients ask for names, as it happens. Two lines with the same source port and time are the pattern.',
          },
        ],
        frontends: [],
      },
    ]);
  });

  it.each<readonly [string, Counter | null]>([
    ['a few of a busy node', { total: 90_000, increase: 25, windowSeconds: 60, reset: false }],
    ['many in all its life', { total: 90_000, increase: 0, windowSeconds: 60, reset: false }],
    ['a burst between the first two readings', { total: 40, increase: 20, windowSeconds: 5, reset: false }],
    ['a kernel that does not count', null],
  ])('%s: nothing', (_, counter) => {
    expect(evaluate(counter)).toEqual([]);
  });
});
