import { describe, expect, it } from 'vitest';
import { iptables, reading } from '../../test/reading-builders.ts';
import { dns, expectMirrored, Pair, scaled, told, web } from '../../test/stream-pair.ts';
import { everyone, forwardTo, kubeProxy, reported, type Row } from '../../test/view-builders.ts';
import type { NodeParts } from '../../proto/parts.ts';

describe('a stream', () => {
  it('begins with Hello, and waits for the first reading', () => {
    const pair = new Pair();
    expect(pair.session.next(0)).toEqual({
      sequence: 1n,
      message: {
        $case: 'hello',
        value: { epoch: new Uint8Array(16).fill(7), agentVersion: '0.1.0', nodeName: 'node-a' },
      },
    });
    expect(pair.session.next(0)).toBeNull();
  });

  it('tells a first reading by digests, and uploads what is wanted of it', () => {
    const pair = new Pair();
    const first = reading(1, { rows: [web, dns] });
    expect(pair.read(first)).toEqual([
      'hello',
      'state 1 whole table parts 6',
      ...Array.from({ length: 6 }, () => 'part'),
      'buckets',
      'buckets',
      'buckets',
    ]);
    expectMirrored(pair, first);
  });

  it('confirms a reading that changed nothing with a few bytes', () => {
    const first = reading(1, { rows: [web] });
    const pair = told(first);
    const before = pair.mirror.bytes;
    expect(pair.read({ ...first, number: 2 })).toEqual(['state 2 parts 0']);
    expect(pair.mirror.bytes - before).toBeLessThanOrEqual(24);
  });

  it('says how old the reading is, by the clock that never goes back', () => {
    const session = new Pair().session;
    session.observe(reading(1, { endedAtMs: 5_000 }));
    session.next(5_250);
    expect(session.next(5_250)?.message).toMatchObject({
      $case: 'state',
      value: { reading: { number: 1n, ageMs: 250, takenAtMs: BigInt(Date.parse('2026-11-22T10:00:00Z')) } },
    });
  });

  it('tells of a change by the leaves that differ, and uploads only their content', () => {
    const pair = told(reading(1, { rows: [web, dns] }));
    const second = reading(2, { rows: [scaled, dns] });
    expect(pair.read(second)).toEqual(['state 2 table parts 0', 'buckets']);
    expectMirrored(pair, second);
  });

  it('pushes a part that changed, as what changed in it', () => {
    const pair = told(reading(1));
    const before = pair.mirror.bytes;
    const second = reading(2, { parts: { proxyTraces: reported({ iptables: true, nftables: true, ipvs: false }) } });
    expect(pair.read(second)).toEqual(['state 2 parts 1', 'part']);
    expectMirrored(pair, second);
    expect(pair.mirror.bytes - before).toBeLessThan(200);
  });

  it('tells when a part is gone, and when it is back', () => {
    const pair = told(reading(1));
    const second = reading(2, { parts: { kubeProxy: { state: 'absent' } } });
    expect(pair.read(second)).toEqual(['state 2 parts 1']);
    expectMirrored(pair, second);
    const third = reading(3);
    expect(pair.read(third)).toEqual(['state 3 parts 1', 'part']);
    expectMirrored(pair, third);
  });

  it('tells when the table cannot be read any more, and when it can again', () => {
    const pair = told(reading(1, { rows: [web] }));
    const failed = { state: 'failed', reason: 'iptables-save: exit 1' } as const;
    const second = reading(2, { rows: null, parts: { iptables: failed } });
    expect(pair.read(second)).toEqual(['state 2 parts 1', 'part']);
    expectMirrored(pair, second);
    const third = reading(3, { rows: [scaled] });
    expect(pair.read(third)).toContain('state 3 table parts 1');
    expectMirrored(pair, third);
  });

  it('has owner hints beside the leaves', () => {
    const pair = told(reading(1, { rows: [web], ownerHint: () => 'shop/web:http' }));
    expect([...pair.mirror.hints]).toEqual([['tcp 10.96.0.1:80', 'shop/web:http']]);
  });

  it('skips readings while there is no room: the newest is what counts', () => {
    const pair = told(reading(1, { rows: [web] }));
    for (let number = 2; number < 10; number++) pair.session.observe(reading(number, { rows: [dns] }));
    expect(pair.read(reading(10, { rows: [scaled] }))).toEqual(['state 10 table parts 0', 'buckets']);
  });

  it('never goes back to an older reading', () => {
    const pair = told(reading(2, { rows: [web] }));
    expect(pair.read(reading(1))).toEqual([]);
  });

  it('uploads a large table in several uploads, each in chunks, with heartbeats between', () => {
    const rows = Array.from({ length: 3_000 }, (_, number): Row => {
      const host = `${number >> 8}.${number & 255}`;
      return [`tcp 10.96.${host}:80`, everyone(forwardTo(`10.244.${host}:80`, `10.245.${host}:80`))];
    });
    const pair = new Pair();
    const first = reading(1, { rows });
    pair.session.observe(first);
    pair.say();
    pair.answer();
    pair.say(1);
    pair.beat();
    const heard = pair.talk();
    expect(heard.filter((each) => each === 'buckets').length).toBeGreaterThan(2);
    expect(heard).toContain('heartbeat');
    expectMirrored(pair, first);
  });
});

describe('a stream after another', () => {
  it('begins with Hello and a whole State, and nothing is uploaded again', () => {
    const first = reading(1, { rows: [web, dns] });
    const pair = told(first);
    pair.reconnect();
    expect(pair.talk()).toEqual(['hello', 'state 1 whole table parts 6']);
    expectMirrored(pair, first);
  });

  it('goes on counting sequences and uploads', () => {
    const pair = told(reading(1));
    const { sent } = pair.session.counts;
    pair.reconnect();
    expect(pair.session.next(0)?.sequence).toBe(sent + 1n);
  });

  it('is a reconnect once the aggregator has spoken on both', () => {
    const pair = new Pair();
    pair.command({ $case: 'ack', value: { sequence: 0n } });
    pair.reconnect();
    expect(pair.session.counts.reconnects).toBe(0);
    pair.command({ $case: 'ack', value: { sequence: 0n } });
    expect(pair.session.counts.reconnects).toBe(1);
  });
});

describe('figures', () => {
  const synced = (seconds: number, total: number): NodeParts['kubeProxy'] =>
    kubeProxy({
      lastSync: [{ family: 'ipv4', seconds }],
      believedRules: [{ family: 'ipv4', table: 'nat', rules: seconds }],
      syncFailures: [
        {
          family: 'ipv4',
          what: 'iptables-restore',
          counter: { total, increase: 0, windowSeconds: seconds, reset: false },
        },
      ],
    });
  const figures = (seconds: number, total = 0): Partial<NodeParts> => ({
    kubeProxy: synced(seconds, total),
    iptables: iptables({ rules: seconds, kubeRules: { nat: seconds, filter: 1 } }),
  });

  it('alone are not told with a reading', () => {
    const pair = told(reading(1, { parts: figures(100) }));
    expect(pair.read(reading(2, { parts: figures(110) }))).toEqual(['state 2 parts 0']);
  });

  it('that were held back are told with the next heartbeat, of the same reading', () => {
    const second = reading(2, { parts: figures(110) });
    const pair = told(reading(1, { parts: figures(100) }), second);
    pair.beat();
    expect(pair.talk()).toEqual(['heartbeat', 'state 2 parts 2', 'part', 'part']);
    expectMirrored(pair, second);
  });

  it('wait for the next heartbeat, also where the last one had none to tell', () => {
    const pair = told(reading(1, { parts: figures(100) }));
    pair.beat();
    expect(pair.talk()).toEqual(['heartbeat']);
    const second = reading(2, { parts: figures(110) });
    expect(pair.read(second)).toEqual(['state 2 parts 0']);
    pair.beat();
    expect(pair.talk()).toEqual(['heartbeat', 'state 2 parts 2', 'part', 'part']);
    expectMirrored(pair, second);
  });

  it('are held back while another member of their part changes', () => {
    const pair = told(reading(1, { parts: figures(100) }));
    const unhealthy = { ...figures(110), kubeProxy: kubeProxy({ healthz: 'unhealthy' }) };
    expect(pair.read(reading(2, { parts: unhealthy }))).toEqual(['state 2 parts 1', 'part']);
    expect(pair.mirror.parts().kubeProxy).toContain('"healthz":"unhealthy"');
    expect(pair.mirror.parts().kubeProxy).toContain('"lastSync":[{"family":"ipv4","seconds":100}]');
  });

  it('of syncs that failed are told at once', () => {
    const pair = told(reading(1, { parts: figures(100) }));
    expect(pair.read(reading(2, { parts: figures(110, 1) }))).toEqual(['state 2 parts 1', 'part']);
    expect(pair.mirror.parts().kubeProxy).toContain('"total":1');
    expect(pair.mirror.parts().kubeProxy).toContain('"lastSync":[{"family":"ipv4","seconds":100}]');
  });

  it('do not hide how the rules are built', () => {
    const pair = told(reading(1, { parts: figures(100) }));
    const broken = iptables({ rules: 110, masqueradePath: 'mark-not-set' });
    expect(pair.read(reading(2, { parts: { ...figures(110), iptables: broken } }))).toEqual([
      'state 2 parts 1',
      'part',
    ]);
    expect(pair.mirror.parts().iptables).toContain('"masqueradePath":"mark-not-set"');
  });
});
