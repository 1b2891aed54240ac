import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { ManualClock } from '../../test/manual-clock.ts';
import type { ProbeTarget } from '../stream/targets.ts';
import type { Probe, ProbeOutcome } from './probe.ts';
import { Prober } from './prober.ts';

function agentAt(number: number, packetBytes = 0): ProbeTarget {
  const name = `node-${number}`;
  return {
    node: name,
    address: address(`10.244.${number}.1`),
    port: 9469,
    protocol: 'udp',
    by: 'overlay',
    packetBytes,
  };
}

/** A prober whose packets go nowhere; each is answered as the test says. */
class Bench {
  readonly clock = new ManualClock();
  readonly sentAt: number[] = [];
  readonly sent: Probe[] = [];
  outcome: ProbeOutcome = { kind: 'answered', milliseconds: 1 };
  readonly prober = new Prober({
    clock: this.clock,
    random: () => 0.5,
    send: async (probe) => {
      this.sentAt.push(this.clock.monotonicMs());
      this.sent.push(probe);
      return this.outcome;
    },
  });
  readonly #stopping = new AbortController();
  readonly #running = this.prober.run(this.#stopping.signal);

  async end(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** The most packets within any second. */
  get mostPerSecond(): number {
    return Math.max(...this.sentAt.map((from) => this.sentAt.filter((at) => at >= from && at < from + 1000).length));
  }
}

describe('a prober', () => {
  it('sends each target a small and a full packet every 20 seconds', async () => {
    const bench = new Bench();
    bench.prober.aim([agentAt(2, 1450)]);
    await bench.clock.advance(61);
    expect(bench.sent.map(({ size }) => size)).toEqual(['small', 'full', 'small', 'full', 'small', 'full']);
    expect(bench.sentAt).toEqual([2_500, 2_600, 22_500, 22_600, 42_500, 42_600]);
    expect(bench.prober.results()).toMatchObject([
      { node: 'node-2', size: 'full', sent: 3, answered: 3 },
      { node: 'node-2', size: 'small', sent: 3, answered: 3 },
    ]);
    await bench.end();
  });

  it('sends no more than ten a second, however many targets there are', async () => {
    const bench = new Bench();
    bench.prober.aim(Array.from({ length: 64 }, (_, index) => agentAt(index, 1450)));
    await bench.clock.advance(30);
    expect(bench.mostPerSecond).toBe(10);
    expect(new Set(bench.sent).size).toBe(128);
    await bench.end();
  });

  it('sends no more than ten a second when it is told others all the time', async () => {
    const bench = new Bench();
    for (let round = 0; round < 100; round++) {
      bench.prober.aim(Array.from({ length: 64 }, (_, index) => agentAt((round * 7 + index) % 250)));
      await bench.clock.advance(0.1);
    }
    expect(bench.mostPerSecond).toBeLessThanOrEqual(10);
    await bench.end();
  });

  it('keeps what it knows of targets that stay, and forgets the others', async () => {
    const bench = new Bench();
    bench.prober.aim([agentAt(2), agentAt(3)]);
    await bench.clock.advance(5);
    bench.prober.aim([agentAt(3), agentAt(4)]);
    const told = bench.prober.results().map(({ node, sent }) => `${node} ${sent}`);
    expect(told).toEqual(['node-3 1', 'node-4 0']);
    await bench.clock.advance(5);
    expect(bench.sent.map(({ target }) => target.node)).toEqual(['node-2', 'node-3', 'node-4']);
    await bench.end();
  });

  it('tells the same again and again while nothing changes', async () => {
    const bench = new Bench();
    bench.prober.aim([agentAt(2, 1450), agentAt(3)]);
    await bench.clock.advance(70);
    const before = bench.prober.results();
    await bench.clock.advance(60);
    expect(bench.prober.results()).toEqual(before);
    await bench.end();
  });

  it('without targets sends nothing, and ends when it is told', async () => {
    const bench = new Bench();
    await bench.clock.advance(10_000);
    expect(bench.sent).toEqual([]);
    bench.prober.aim([agentAt(2)]);
    bench.prober.aim([]);
    await bench.clock.advance(60);
    expect(bench.prober.sent).toBe(0);
    await bench.end();
  });
});
