import { describe, expect, it } from 'vitest';
import type { ConntrackReport, Counter } from '../../proto/parts.ts';
import { nodeView, reported } from '../../test/view-builders.ts';
import { conntrackFull } from './conntrack-full.ts';

/** A counter that rose by this in the last minute. */
function rose(increase: number): Counter {
  return { total: 1000 + increase, increase, windowSeconds: 60, reset: false };
}

function evaluate(report: Partial<ConntrackReport>) {
  const sound = { count: 500, max: 1000, drop: rose(0), earlyDrop: rose(0), insertFailed: rose(0) };
  const conntrack = reported<ConntrackReport>({ ...sound, udp: null, udpUnreadBecause: 'not asked', ...report });
  return conntrackFull.evaluate(nodeView({ parts: { conntrack } }));
}

const summaries = (report: Partial<ConntrackReport>) =>
  evaluate(report).map(({ severity, summary }) => [severity, summary]);

describe('conntrack-full', () => {
  it('the table is full and packets are dropped', () => {
    expect(evaluate({ count: 131_072, max: 131_072, drop: rose(240), earlyDrop: rose(17) })).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          '100 % of the connection table of node-a is in use, and packets are dropped and flows are thrown out to make room.',
        evidence: [
          { kind: 'fact', name: 'connections', value: '131072 of 131072' },
          { kind: 'fact', name: 'drop', value: '240 in the last 60 s, 1240 since the node started' },
          { kind: 'fact', name: 'early_drop', value: '17 in the last 60 s, 1017 since the node started' },
          { kind: 'fact', name: 'insert_failed', value: '0 in the last 60 s, 1000 since the node started' },
        ],
        remediation: [
          {
            command: 'sysctl -w net.netfilter.nf_conntrack_max=262144',
            effect:
              "Run on node-a: makes room at once, for some 40 MiB more of the kernel's memory when it is used. It lasts until kube-proxy starts again, which sets what its configuration says.",
          },
          {
            command:
              "conntrack -L -o extended 2>/dev/null | grep -o 'src=[^ ]* dst=[^ ]* sport' | sort | uniq -c | sort -rn | head",
            effect: 'Run on node-a: shows between which addresses most connections are. It changes nothing.',
          },
        ],
        frontends: [],
      },
    ]);
  });

  it('is less urgent while nothing was dropped', () => {
    expect(summaries({ count: 950 })).toEqual([
      ['high', '95 % of the connection table of node-a is in use, and nothing was dropped yet.'],
    ]);
  });

  it('was full between two readings', () => {
    expect(summaries({ count: 700, earlyDrop: rose(5) })).toEqual([
      [undefined, '70 % of the connection table of node-a was in use, and flows are thrown out to make room.'],
    ]);
    expect(summaries({ count: 800, drop: rose(9) })).toHaveLength(1);
  });

  it.each<readonly [string, Partial<ConntrackReport>]>([
    ['nine tenths are in use', { count: 900 }],
    ['what was dropped are insertions that failed', { count: 850, drop: rose(30), insertFailed: rose(30) }],
    ['packets are dropped, and there is plenty of room', { count: 100, drop: rose(30) }],
    ['it was full in former days', { count: 500, drop: rose(0), earlyDrop: rose(0) }],
    ['there is no limit', { count: 500_000, max: 0 }],
    ['the kernel does not count', { drop: null, earlyDrop: null, insertFailed: null }],
  ])('%s: nothing', (_, report) => {
    expect(evaluate(report)).toEqual([]);
  });
});
