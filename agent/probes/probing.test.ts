import { describe, expect, it } from 'vitest';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { ProbesReport } from '../../proto/parts.ts';
import { address, prefix } from '../../test/builders.ts';
import { ManualClock } from '../../test/manual-clock.ts';
import { reading } from '../../test/reading-builders.ts';
import { observe } from '../observe.ts';
import type { NodeReading } from '../reading.ts';
import { scriptedHost } from '../scripted-host.ts';
import { Probing } from './probing.ts';

/** A node whose own address is outside of the ranges, so that nothing listens. */
const own = address('192.168.100.11');

function target(number: number, of: Partial<wire.Target> = {}): wire.Target {
  const [node, at] = [`node-${number}`, `10.244.${number}.1`];
  return { node, address: at, port: 9469, protocol: 'udp', by: 'overlay', packetBytes: 0, ...of };
}

function readingAt(link: string, address: typeof own): NodeReading {
  const value = { addresses: [{ link, address, prefixLength: 24 }], links: [link] };
  return reading(1, { parts: { addresses: { state: 'ok', value, collectedAt: '2026-11-22T08:00:00Z' } } });
}

class Bench {
  readonly clock = new ManualClock();
  readonly sent: string[] = [];
  readonly probing = new Probing({
    setting: { port: 9469, ranges: [prefix('10.244.0.0/16')], serviceRanges: [] },
    clock: this.clock,
    log: { info: () => undefined, warn: () => undefined },
    random: () => 0.5,
    send: async ({ target: { address: to } }) => {
      this.sent.push(to);
      return { kind: 'answered', milliseconds: 1 };
    },
  });
  #listener: (one: NodeReading) => void = () => undefined;
  readonly #running = this.probing.run({
    subscribe: (listener) => {
      this.#listener = listener;
      return () => undefined;
    },
  });

  read(one: NodeReading): void {
    this.#listener(one);
  }

  report(): ProbesReport {
    const part = this.probing.part();
    if (part.state !== 'ok') throw new Error('no report');
    return part.value;
  }

  async end(): Promise<void> {
    this.probing.stop();
    await this.#running;
  }
}

describe('what probes tell', () => {
  it('is a part of the reading, and absent where there are none', async () => {
    const bench = new Bench();
    const host = scriptedHost({});
    expect((await observe(host, { probes: () => bench.probing.part() })).parts.probes).toEqual(bench.probing.part());
    expect((await observe(host)).parts.probes).toEqual({ state: 'absent' });
    await bench.end();
  });
});

describe('targets', () => {
  it('that come before the first reading wait for it', async () => {
    const bench = new Bench();
    bench.probing.aim([target(2)]);
    await bench.clock.advance(10);
    expect(bench.sent).toEqual([]);
    bench.read(readingAt('eth0', own));
    await bench.clock.advance(10);
    expect(bench.sent).toEqual(['10.244.2.1']);
    expect(bench.report()).toEqual({
      listening: [],
      port: 9469,
      results: [
        {
          ...{ node: 'node-2', address: '10.244.2.1', port: 9469, by: 'overlay', size: 'small', packetBytes: 92 },
          ...{ sent: 1, answered: 1, lastAnswered: true, error: null, roundTripMs: 1 },
        },
      ],
      heard: { total: 0, first: [] },
      refusedTargets: 0,
      refusals: [],
    });
    await bench.end();
  });

  it('that may not be probed are counted, with the first ten reasons', async () => {
    const bench = new Bench();
    bench.read(readingAt('eth0', own));
    const bad = Array.from({ length: 20 }, (_, index) => target(2, { address: `10.9.0.${index}` }));
    bench.probing.aim([target(2), ...bad, target(3, { node: '\u0001'.repeat(300) })]);
    await bench.clock.advance(10);
    expect(bench.sent).toEqual(['10.244.2.1']);
    const { refusedTargets, refusals } = bench.report();
    expect([refusedTargets, refusals.length, refusals[0]]).toEqual([
      21,
      10,
      '10.9.0.0 is in no range that may be probed',
    ]);
    await bench.end();
  });

  it('are 64 at most', async () => {
    const bench = new Bench();
    bench.read(readingAt('eth0', own));
    bench.probing.aim(Array.from({ length: 100 }, (_, index) => target(index)));
    await bench.clock.advance(30);
    expect(new Set(bench.sent).size).toBe(64);
    expect(bench.report()).toMatchObject({ refusedTargets: 36, refusals: ['more than 64 targets at a time'] });
    await bench.end();
  });

  it('are checked again when the node gets one of their addresses', async () => {
    const bench = new Bench();
    bench.read(readingAt('eth0', own));
    bench.probing.aim([target(2), target(3)]);
    await bench.clock.advance(10);
    // On a link where nothing listens, so that this test opens no socket.
    bench.read(readingAt('docker0', address('10.244.2.1')));
    await bench.clock.advance(10);
    expect(bench.report()).toMatchObject({ refusedTargets: 1, refusals: ["10.244.2.1 is the node's own"] });
    expect(bench.report().results.map(({ node }) => node)).toEqual(['node-3']);
    await bench.end();
  });

  it('are forgotten when nobody names any for a quarter of an hour', async () => {
    const bench = new Bench();
    bench.read(readingAt('eth0', own));
    bench.probing.aim([target(2)]);
    await bench.clock.advance(14 * 60);
    expect(bench.report().results.length).toBe(1);
    await bench.clock.advance(2 * 60);
    const { length } = bench.sent;
    await bench.clock.advance(60 * 60);
    expect([bench.report().results, bench.sent.length]).toEqual([[], length]);
    await bench.end();
  });
});
