import { describe, expect, it } from 'vitest';
import type { Answer } from '../../test/mirror-aggregator.ts';
import { reading } from '../../test/reading-builders.ts';
import { Pair, told, web } from '../../test/stream-pair.ts';
import { frontend } from '../../test/view-builders.ts';
import { digest, entryDigest } from '../../proto/canonical.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';

describe('evidence', () => {
  const entry = entryDigest(frontend(web[0]), web[1]);
  const rule = { table: 'nat', chain: 'KUBE-SERVICES', rule: '-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-A' };

  it('that is wanted is asked of the loop', () => {
    const pair = new Pair();
    expect(pair.command({ $case: 'wantEvidence', value: { entries: [digestBytes(entry)] } })).toEqual({
      kind: 'evidence',
      entries: [entry],
    });
  });

  it('follows the reading that has it, also when a later one is told instead', () => {
    const pair = told(reading(1, { rows: [web] }));
    pair.session.observe(reading(2, { rows: [web], evidence: [{ entry, repaired: false, lines: [rule], total: 41 }] }));
    expect(pair.read(reading(3, { rows: [web] }))).toEqual(['state 3 parts 0', 'evidence']);
    expect(pair.mirror.evidence).toEqual([
      { entry: digestBytes(entry), reading: 2n, repaired: false, lines: [rule], total: 41 },
    ]);
  });

  it('keeps to the limits of the contract', () => {
    const long = { ...rule, rule: 'x'.repeat(10_000) };
    const lines = Array.from({ length: 50 }, () => long);
    const pair = told(reading(1, { evidence: [{ entry, repaired: false, lines, total: 50 }] }));
    expect(pair.mirror.evidence[0]?.lines.map((line) => line.rule.length)).toEqual(Array(40).fill(8_192));
  });
});

describe('commands', () => {
  it('that are unknown or malformed are counted, and change nothing', () => {
    const pair = told(reading(1));
    const refused = { kind: 'refused' } as const;
    expect(pair.command(undefined)).toEqual(refused);
    expect(pair.command({ $case: 'want', value: { digests: [new Uint8Array(15)] } })).toEqual(refused);
    expect(pair.command({ $case: 'want', value: { digests: [] } })).toEqual(refused);
    expect(pair.command({ $case: 'wantEvidence', value: { entries: [new Uint8Array(17)] } })).toEqual(refused);
    expect(pair.command({ $case: 'slowDown', value: { intervalSeconds: 3_601 } })).toEqual(refused);
    expect(pair.command({ $case: 'reconnectAfter', value: { seconds: 2 ** 32 - 1 } })).toEqual(refused);
    expect(pair.command({ $case: 'ack', value: { sequence: 1_000n } })).toEqual(refused);
    expect(pair.session.counts.refusedCommands).toBe(7);
    expect(pair.talk()).toEqual([]);
    pair.beat();
    expect(pair.session.next(0)?.message).toMatchObject({ value: { metrics: { refusedCommands: 7n } } });
  });

  it('that want more than a node can have are refused', () => {
    const pair = told(reading(1));
    const digests = Array.from({ length: 4_097 }, (_, index) => digestBytes(digest(`${index}`)));
    expect(pair.command({ $case: 'want', value: { digests } })).toEqual({ kind: 'refused' });
    expect(pair.command({ $case: 'want', value: { digests: digests.slice(0, 4_096) } })).toEqual({ kind: 'none' });
    expect(pair.command({ $case: 'want', value: { digests: digests.slice(4_096) } })).toEqual({ kind: 'refused' });
  });

  it('that want what is not held any more are told so', () => {
    const pair = told(reading(1, { rows: [web] }));
    pair.command({ $case: 'want', value: { digests: [digestBytes(digest('gone'))] } });
    expect(pair.talk()).toEqual(['not held: 1']);
  });

  it('that want the same twice get it once', () => {
    const pair = told(reading(1, { rows: [web] }));
    const leaf = reading(1, { rows: [web] }).leaves?.find(({ entries }) => entries.size > 0)?.digest ?? '';
    const want: Answer = { $case: 'want', value: { digests: [digestBytes(leaf), digestBytes(leaf)] } };
    pair.command(want);
    pair.command(want);
    expect(pair.talk()).toEqual(['buckets']);
  });

  it('ask for a whole State again, or for less or no more of the agent', () => {
    const pair = told(reading(1, { rows: [web] }));
    expect(pair.command({ $case: 'resync', value: {} })).toEqual({ kind: 'none' });
    expect(pair.talk()).toEqual(['state 1 whole table parts 6']);
    expect(pair.command({ $case: 'slowDown', value: { intervalSeconds: 60 } })).toEqual({
      kind: 'slowDown',
      seconds: 60,
    });
    expect(pair.command({ $case: 'slowDown', value: { intervalSeconds: 0 } })).toEqual({
      kind: 'slowDown',
      seconds: null,
    });
    expect(pair.command({ $case: 'reconnectAfter', value: { seconds: 30 } })).toEqual({
      kind: 'reconnect',
      withinSeconds: 30,
    });
  });

  it('that acknowledge are counted against what was sent', () => {
    const pair = told(reading(1));
    const { sent } = pair.session.counts;
    expect(pair.session.counts.unacknowledged).toBe(sent);
    pair.command({ $case: 'ack', value: { sequence: 2n } });
    pair.command({ $case: 'ack', value: { sequence: 1n } });
    expect(pair.session.counts.unacknowledged).toBe(sent - 2n);
  });

  it('that name probe targets hand them on, and change nothing here', () => {
    const target = {
      address: '10.244.2.1',
      port: 9469,
      protocol: 'udp',
      node: 'node-2',
      packetBytes: 1450,
      by: 'overlay',
    };
    const pair = told(reading(1));
    expect(pair.command({ $case: 'targets', value: { targets: [target] } })).toEqual({
      kind: 'targets',
      targets: [target],
    });
    expect(pair.talk()).toEqual([]);
    expect(pair.command({ $case: 'targets', value: { targets: Array(1_001).fill(target) } })).toEqual({
      kind: 'refused',
    });
  });
});
