import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../clock.ts';
import type { Trial } from './try-way.ts';
import { WayList } from './way-list.ts';
import { WayTries } from './way-tries.ts';
import { agedWay, Ways } from './ways.ts';

const [service, headless, pod] = ['plumbline.svc:1', 'plumbline-headless.svc:1', '10.244.1.7:1'];
const minute = 60_000;

/** Sleeps at once; time is what was slept. Ends the run at its end. */
class VirtualClock implements Clock {
  #now = 0;
  readonly #end: number;
  readonly #over: AbortController;

  constructor(end: number, over: AbortController) {
    this.#end = end;
    this.#over = over;
  }

  now(): Date {
    return new Date(this.#now);
  }

  monotonicMs(): number {
    return this.#now;
  }

  sleep(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    if (this.#now >= this.#end) this.#over.abort();
    return Promise.resolve();
  }
}

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Course {
  readonly minutes: number;
  readonly trial: (address: string, minutes: number) => Trial;
  readonly random?: () => number;
  readonly addresses?: readonly string[];
}

/** A stream that lives on the pod's address for so long. @returns the tries with their minute, and the ways at the end. */
async function streamOnPod({ minutes, trial, random = () => 0.5, addresses = [service, headless] }: Course) {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-ways-'));
  folders.push(folder);
  const addressesFile = join(folder, 'addresses');
  writeFileSync(addressesFile, pod);
  const over = new AbortController();
  const clock = new VirtualClock(minutes * minute, over);
  const ways = new Ways();
  const list = new WayList({ addresses, addressesFile, isPlain: false });
  const tries: { readonly address: string; readonly at: number }[] = [];
  const attempt = (address: string): Promise<Trial> => {
    const at = clock.monotonicMs() / minute;
    tries.push({ address, at });
    return Promise.resolve(trial(address, at));
  };
  const wayTries = new WayTries({ list, ways, clock, random, attempt });
  ways.listed(list.read());
  wayTries.dialed(pod);
  ways.use(pod, 0);
  await wayTries.run(pod, over.signal);
  return { tries, known: ways.list().map((way) => agedWay(way, clock.monotonicMs())) };
}

describe('while a stream lives on one way', () => {
  it('each other one is tried within five minutes, and then at most once in five', async () => {
    const { tries } = await streamOnPod({ minutes: 30, trial: () => 'worked' });
    expect(tries.filter(({ address }) => address === service).map(({ at }) => at)).toEqual([2.5, 8, 13.5, 19, 24.5]);
    expect(tries.filter(({ address }) => address === headless).map(({ at }) => at)).toEqual([2.5, 8, 13.5, 19, 24.5]);
    expect(tries.length).toBe(10);
  });

  it('agents do not try together', async () => {
    const of = async (random: number) =>
      (await streamOnPod({ minutes: 20, trial: () => 'worked', random: () => random })).tries[0]?.at;
    expect([await of(0.1), await of(0.9)]).toEqual([0.5, 4.5]);
  });

  it('what failed and what worked is known of each, with its age', async () => {
    const trial = (address: string): Trial => (address === service ? 'refused' : 'worked');
    const { known } = await streamOnPod({ minutes: 10, trial });
    const ago = (minutes: number) => minutes * minute;
    expect(known).toEqual([
      {
        address: service,
        kind: 'service',
        inUse: false,
        workedAgeMs: null,
        failedAgeMs: ago(5),
        failingAgeMs: ago(10.5),
        reason: 'refused',
      },
      { ...known[1], address: headless, kind: 'headless', workedAgeMs: ago(5), failingAgeMs: null, reason: null },
      { ...known[2], address: pod, kind: 'pod', inUse: true, failingAgeMs: null, reason: null },
    ]);
  });

  it('one that works again fails no longer, and says when it failed last', async () => {
    const trial = (_: string, minutes: number): Trial => (minutes < 5 ? 'timeout' : 'worked');
    const { known } = await streamOnPod({ minutes: 10, trial, addresses: [service] });
    expect(known[0]).toMatchObject({ workedAgeMs: 5 * minute, failedAgeMs: 10.5 * minute, failingAgeMs: null });
  });

  it('a try that was not made says nothing', async () => {
    const { known } = await streamOnPod({ minutes: 10, trial: () => 'not-tried', addresses: [service] });
    expect(known[0]).toMatchObject({ workedAgeMs: null, failedAgeMs: null, reason: null });
  });
});
