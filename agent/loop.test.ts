import { afterEach, describe, expect, it } from 'vitest';
import { entryDigest } from '../proto/canonical.ts';
import { ManualClock, quiet } from '../test/manual-clock.ts';
import { frontend } from '../test/view-builders.ts';
import type { ChangeHint } from './hints/change-hint.ts';
import type { Host } from './host.ts';
import type { Log } from './log.ts';
import { ReadingLoop } from './loop.ts';
import { defaultPace } from './pace.ts';
import type { NodeReading } from './reading.ts';
import { scriptedHost } from './scripted-host.ts';

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const web = frontend('tcp 10.96.0.1:80');

/** A node with one Service, that one backend serves. */
function rulesTo(backend: string): string {
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-SVC-E3PXEPMWAWIUT6ZV - [0:0]',
    '-A PREROUTING -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-SERVICES',
    '-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-E3PXEPMWAWIUT6ZV',
    `-A KUBE-SVC-E3PXEPMWAWIUT6ZV -p tcp -m tcp -j DNAT --to-destination ${backend}`,
    'COMMIT',
    '# Completed on Sun Nov 22 07:43:36 2026',
    '',
  ].join('\n');
}

class FakeHint implements ChangeHint {
  readonly name = 'nft-generation';
  isListening = true;
  heeded = 0;
  tell: () => void = () => undefined;

  start(onChange: () => void): void {
    this.tell = onChange;
  }

  heed(): void {
    this.heeded++;
  }

  async stop(): Promise<void> {
    this.isListening = false;
  }
}

/** The loop on a scripted node, whose every dump takes so much CPU and time. */
class Bench {
  readonly clock = new ManualClock();
  readonly hint = new FakeHint();
  readonly readings: NodeReading[] = [];
  rules: string | null = rulesTo('10.244.1.2:8080');
  cost = 0.01;
  /** Programs that run at this moment, and the most that ever did. */
  running = { now: 0, most: 0 };
  /** Called while the rules are dumped. */
  whileDumping: () => void = () => undefined;
  readonly loop: ReadingLoop;
  readonly done: Promise<void>;
  #cpuSeconds = 1;

  constructor() {
    const host: Host = { ...scriptedHost({}), run: (command, onOutput) => this.#run(command, onOutput) };
    this.loop = new ReadingLoop({
      host: { ...host, childPeakBytes: () => 2_000_000 },
      clock: this.clock,
      cpu: async () => this.#cpuSeconds,
      rssBytes: () => 80_000_000,
      limits: defaultPace,
      log: silent,
    });
    this.loop.subscribe((reading) => this.readings.push(reading));
    this.done = this.loop.run([this.hint]);
  }

  /** Seconds since the start at which readings ended. */
  get times(): readonly number[] {
    return this.readings.map(({ endedAtMs }) => endedAtMs / 1000);
  }

  async #run(...[command, onOutput]: Parameters<Host['run']>): ReturnType<Host['run']> {
    this.running.now++;
    this.running.most = Math.max(this.running.most, this.running.now);
    await quiet();
    const isDump = command.program === 'iptables-nft-save';
    if (isDump) {
      this.#cpuSeconds += this.cost;
      this.whileDumping();
    }
    const failure = { ok: false, kind: 'failed', message: 'iptables-nft-save ended with code 1' } as const;
    const output = this.rules === null ? failure : this.rules;
    const script = { runs: { 'nft list flowtables': 'table ip nat\n', 'iptables-nft-save': output } };
    const result = await scriptedHost(script).run(command, onOutput);
    this.running.now--;
    return result;
  }
}

const benches: Bench[] = [];

/** A loop that has read once. */
async function started(): Promise<Bench> {
  const bench = new Bench();
  benches.push(bench);
  await settled(bench);
  return bench;
}

/** Lets a reading come to its end. */
async function settled(bench: Bench): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await quiet();
  expect(bench.running.now).toBe(0);
}

async function wait(bench: Bench, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 0.25) {
    await bench.clock.advance(0.25);
    await settled(bench);
  }
}

afterEach(async () => {
  for (const bench of benches.splice(0)) {
    bench.loop.stop();
    await bench.done;
  }
});

function backendsIn(reading: NodeReading | null | undefined): unknown {
  const entry = reading?.leaves?.map(({ entries }) => entries.get(web)).find((found) => found !== undefined);
  const route = entry?.forwarding.outside.route;
  return route?.action === 'forward' ? route.backends : route;
}

describe('a loop', () => {
  it('reads at once, and then every five seconds; what did not change is the very same table', async () => {
    const bench = await started();
    await wait(bench, 10);
    const [first, second, third] = bench.readings;
    expect(bench.times).toEqual([0, 5, 10]);
    expect(bench.readings.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(backendsIn(first)).toEqual(['10.244.1.2:8080']);
    expect([first?.leaves === second?.leaves, second?.leaves === third?.leaves]).toEqual([true, true]);
    expect([first?.takenAt, third?.takenAt]).toEqual([
      new Date('2026-11-22T08:00:00Z'),
      new Date('2026-11-22T08:00:10Z'),
    ]);
    expect([first?.ownerHint(web), first?.evidence]).toEqual(['shop/web', []]);
    expect(bench.loop.latest()).toBe(third);
  });

  it('gives a new table when the rules have changed', async () => {
    const bench = await started();
    bench.rules = rulesTo('10.244.1.3:8080');
    await wait(bench, 5);
    expect(bench.readings.map(backendsIn)).toEqual([['10.244.1.2:8080'], ['10.244.1.3:8080']]);
  });

  it('has no table while the rules cannot be read, and goes on reading', async () => {
    const bench = await started();
    bench.rules = null;
    await wait(bench, 5);
    bench.rules = rulesTo('10.244.1.2:8080');
    await wait(bench, 5);
    expect(bench.readings.map(({ leaves }) => leaves === null)).toEqual([false, true, false]);
    expect(bench.loop.figures()).toMatchObject({ readings: 3, failedReadings: 1 });
  });

  it('runs one program at a time', async () => {
    const bench = await started();
    await wait(bench, 5);
    expect(bench.running.most).toBe(1);
  });

  it('takes its time where a reading costs much', async () => {
    const bench = await started();
    bench.cost = 0.2;
    await wait(bench, 40);
    expect(bench.times).toEqual([0, 5, 30]);
    expect(bench.loop.figures().intervalSeconds).toBe(25);
  });

  it('tells its own figures', async () => {
    const bench = await started();
    await wait(bench, 7);
    expect(bench.loop.figures()).toEqual({
      rssBytes: 80_000_000,
      childPeakBytes: 2_000_000,
      cpuSeconds: expect.closeTo(1.02),
      uptimeSeconds: 7,
      readings: 2,
      unchangedReadings: 1,
      failedReadings: 0,
      lastReadingSeconds: 0,
      intervalSeconds: 5,
      hints: 0,
      hintSources: ['nft-generation'],
    });
  });

  it('no longer tells whoever ended its subscription', async () => {
    const bench = await started();
    const numbers: number[] = [];
    const end = bench.loop.subscribe(({ number }) => numbers.push(number));
    await wait(bench, 5);
    end();
    await wait(bench, 5);
    expect([numbers, bench.readings.length]).toEqual([[2], 3]);
  });
});

describe('a hint', () => {
  it('is read a quarter of a second later, several together once', async () => {
    const bench = await started();
    await wait(bench, 2);
    for (let hint = 0; hint < 3; hint++) bench.hint.tell();
    await wait(bench, 2);
    expect(bench.times).toEqual([0, 2.25]);
    expect(bench.loop.figures().hints).toBe(3);
  });

  it('puts off the next regular reading', async () => {
    const bench = await started();
    await wait(bench, 2);
    bench.hint.tell();
    await wait(bench, 6);
    expect(bench.times).toEqual([0, 2.25, 7.25]);
  });

  it('that comes while the node is read asks for another reading', async () => {
    const bench = await started();
    let isToldOnce = false;
    bench.whileDumping = () => {
      if (!isToldOnce) bench.hint.tell();
      isToldOnce = true;
    };
    await wait(bench, 6);
    expect(bench.times).toEqual([0, 5, 5.25]);
  });

  it('waits where the budget is used up', async () => {
    const bench = await started();
    bench.cost = 1;
    await wait(bench, 5);
    bench.hint.tell();
    await wait(bench, 60);
    expect(bench.times).toEqual([0, 5]);
    await wait(bench, 60);
    expect(bench.times).toHaveLength(3);
  });

  it('source is told of every reading, and stopped with the loop', async () => {
    const bench = await started();
    await wait(bench, 5);
    expect(bench.hint.heeded).toBe(2);
    bench.loop.stop();
    await bench.done;
    expect(bench.hint.isListening).toBe(false);
  });
});

describe('evidence', () => {
  it('is told by the next reading, which comes soon, and once', async () => {
    const bench = await started();
    await wait(bench, 1);
    const [{ leaves }] = bench.readings as [NodeReading];
    const entry = leaves?.map(({ entries }) => entries.get(web)).find((found) => found !== undefined);
    if (entry === undefined) throw new Error('the Service is not in the table');
    bench.loop.wantEvidence([entryDigest(web, entry.forwarding), '0'.repeat(32)]);
    await wait(bench, 6);
    expect(bench.times).toEqual([0, 1.25, 6.25]);
    const told = bench.readings.map(({ evidence }) => evidence.map(({ repaired, total }) => [repaired, total]));
    expect(told).toEqual([
      [],
      [
        [false, 4],
        [true, 0],
      ],
      [],
    ]);
  });

  it('that was asked for while the rules cannot be read is told when they can', async () => {
    const bench = await started();
    bench.rules = null;
    bench.loop.wantEvidence(['0'.repeat(32)]);
    await wait(bench, 1);
    bench.rules = rulesTo('10.244.1.2:8080');
    await wait(bench, 5);
    expect(bench.readings.map(({ evidence }) => evidence.length)).toEqual([0, 0, 1]);
  });

  it('of more than two hundred entries is told of the first', async () => {
    const bench = await started();
    bench.loop.wantEvidence(Array.from({ length: 300 }, (_, index) => `${index}`.padStart(32, '0')));
    await wait(bench, 1);
    expect(bench.readings.at(-1)?.evidence).toHaveLength(200);
  });
});

describe('an aggregator that asks for fewer readings', () => {
  it('gets no more than that, hinted or not, until it takes it back', async () => {
    const bench = await started();
    bench.loop.slowDown(20);
    bench.hint.tell();
    await wait(bench, 19);
    expect(bench.times).toEqual([0]);
    await wait(bench, 1);
    expect(bench.times).toEqual([0, 20]);
    bench.loop.slowDown(null);
    await wait(bench, 5);
    expect(bench.times).toEqual([0, 20, 25]);
  });
});

describe('a loop that is stopped', () => {
  it('in the middle of a reading says nothing of it', async () => {
    const bench = new Bench();
    bench.whileDumping = () => bench.loop.stop();
    await bench.done;
    expect([bench.readings, bench.loop.latest()]).toEqual([[], null]);
  });
});
