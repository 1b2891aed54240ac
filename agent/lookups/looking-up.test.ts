import { describe, expect, it } from 'vitest';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import type { DnsReport } from '../../proto/parts.ts';
import { dnsReport } from '../../test/dns-node.ts';
import { ManualClock, quiet } from '../../test/manual-clock.ts';
import { reading } from '../../test/reading-builders.ts';
import { everyone, forwardTo, reported, table } from '../../test/view-builders.ts';
import type { NodeReading } from '../reading.ts';
import { LookingUp } from './looking-up.ts';

/** A node of which nothing is really asked. */
class Bench {
  readonly clock = new ManualClock();
  /** `12.2 udp cluster 10.96.0.10`: the second in which it was asked. */
  readonly asked: string[] = [];
  readonly lookingUp = new LookingUp({
    setting: { externalName: null, upstreams: [] },
    clock: this.clock,
    random: () => 0.5,
    ask: async ({ server, protocol, name }) => {
      this.asked.push(`${this.clock.monotonicMs() / 1000} ${protocol} ${name} ${server}`);
      return { kind: 'failed', error: 'timeout' };
    },
  });
  #listener: (one: NodeReading) => void = () => undefined;
  readonly #running = this.lookingUp.run({
    subscribe: (listener) => {
      this.#listener = listener;
      return () => undefined;
    },
  });

  async read(backends: readonly string[] | null, dns: Partial<DnsReport> = {}): Promise<void> {
    const known: ForwardingTable = table([['udp 10.96.0.10:53', everyone(forwardTo(...(backends ?? [])))]]);
    const forwarding = reported({ mode: 'iptables', table: known, owners: new Map(), unlisted: null } as const);
    const parts = {
      dns: reported(dnsReport(dns)),
      ...(backends === null ? { forwarding: { state: 'failed', reason: 'not permitted' } as const } : { forwarding }),
    };
    this.#listener(reading(1, { parts }));
    await quiet();
  }

  /** `10.96.0.10 3`: how many of each server's `cluster` by UDP are told. */
  told(): readonly string[] {
    return this.lookingUp
      .told()
      .lookups.flatMap(({ server, protocol, name, sent }) =>
        protocol === 'udp' && name === 'cluster' ? [`${server} ${sent}`] : [],
      );
  }

  async end(): Promise<void> {
    this.lookingUp.stop();
    await this.#running;
  }
}

const replica = '10.244.1.4:53';

describe('lookups of a node', () => {
  it('begin when its settings are known', async () => {
    const bench = new Bench();
    await bench.clock.advance(600);
    expect(bench.lookingUp.told()).toEqual({ names: null, lookups: [], lookupsOffBecause: null });
    await bench.read([replica]);
    await bench.clock.advance(2);
    expect(bench.asked).toHaveLength(6);
    expect(bench.lookingUp.told().names?.cluster).toBe('kubernetes.default.svc.cluster.local.');
    await bench.end();
  });

  it('are five a second, and a round of them each minute', async () => {
    const bench = new Bench();
    await bench.read([replica]);
    await bench.clock.advance(62);
    expect(bench.asked.filter((text) => text.includes('10.96.0.10'))).toEqual([
      '0 udp cluster 10.96.0.10',
      '0.2 tcp cluster 10.96.0.10',
      '0.4 udp absent 10.96.0.10',
      '61 udp cluster 10.96.0.10',
      '61.2 tcp cluster 10.96.0.10',
      '61.4 udp absent 10.96.0.10',
    ]);
    expect(bench.told()).toEqual(['10.244.1.4 2', '10.96.0.10 2']);
    await bench.end();
  });

  it('of a replica that has left the rules are told no more, at once', async () => {
    const bench = new Bench();
    await bench.read([replica, '10.244.2.4:53']);
    await bench.clock.advance(10);
    expect(bench.told()).toEqual(['10.244.1.4 1', '10.244.2.4 1', '10.96.0.10 1']);
    await bench.read(['10.244.2.4:53']);
    expect(bench.told()).toEqual(['10.244.2.4 1', '10.96.0.10 1']);
    await bench.end();
  });

  it('stay while the rules cannot be read, and replicas are not asked then', async () => {
    const bench = new Bench();
    await bench.read([replica]);
    await bench.clock.advance(10);
    await bench.read(null);
    await bench.clock.advance(60);
    expect(bench.told()).toEqual(['10.244.1.4 1', '10.96.0.10 2']);
    await bench.clock.advance(600);
    expect(bench.told()).toEqual(['10.96.0.10 3']);
    await bench.end();
  });

  it('stay while it cannot be read what the kubelet gives, and nobody is asked then', async () => {
    const bench = new Bench();
    await bench.read([replica]);
    await bench.clock.advance(10);
    await bench.read([replica], { kubelet: null });
    await bench.clock.advance(60);
    expect(bench.told()).toEqual(['10.244.1.4 1', '10.96.0.10 1']);
    await bench.end();
  });

  it('of more replicas than come round in ten minutes are decided too', async () => {
    const bench = new Bench();
    await bench.read(Array.from({ length: 60 }, (_, number) => `10.244.1.${number + 1}:53`));
    await bench.clock.advance(65 * 7);
    expect(
      bench.told().filter((text) => text.startsWith('10.244.') && text.endsWith(' 3')).length,
    ).toBeGreaterThanOrEqual(4);
    await bench.end();
  });

  it('of many replicas are of others each time, and those before are told for ten minutes', async () => {
    const bench = new Bench();
    await bench.read(Array.from({ length: 8 }, (_, number) => `10.244.1.${number + 1}:53`));
    await bench.clock.advance(63 * 6);
    expect(bench.told()).toEqual([
      ...Array.from({ length: 8 }, (_, number) => `10.244.1.${number + 1} 3`),
      '10.96.0.10 3',
    ]);
    await bench.end();
  });

  it('end when they are told to, in the midst of a round', async () => {
    const bench = new Bench();
    await bench.read([replica]);
    await bench.clock.advance(0.5);
    await bench.end();
    await bench.clock.advance(600);
    expect(bench.asked).toHaveLength(3);
  });
});
