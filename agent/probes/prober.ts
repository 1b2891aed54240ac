/** Sends probes to the targets of now, one after the other, and keeps what came of them. */
import type { ProbeResult } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { ProbeTarget } from '../stream/targets.ts';
import { type Probe, ProbeWindow, probesOf } from './probe.ts';
import type { SendProbe } from './send-probe.ts';

export interface ProberOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly send: SendProbe;
}

/** Each probe is repeated after so long, a fifth more or less, so that nodes do not fall into step. */
const everyMs = 20_000;
/** What is connected to is somebody's program: each of them is left alone for so long. */
const connectEveryMs = 120_000;
const jitter = 0.2;
/** What is new is sent for the first time within so long. */
const firstWithinMs = 5_000;
/** Ten a second, whatever is asked for. */
const leastBetweenMs = 100;
/** Nothing to do: until targets come. */
const idleMs = 3_600_000;

interface Scheduled {
  readonly probe: Probe;
  readonly window: ProbeWindow;
  dueMs: number;
}

export class Prober {
  readonly #options: ProberOptions;
  #scheduled: ReadonlyMap<string, Scheduled> = new Map();
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #sent = 0;
  /** Wakes the loop up to think again. */
  #bell = new AbortController();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Probes since the start. */
  get sent(): number {
    return this.#sent;
  }

  /** Probes these and no others; what is known of those that stay is kept. @param targets at most 64. */
  aim(targets: readonly ProbeTarget[]): void {
    const { clock, random } = this.#options;
    const now = clock.monotonicMs();
    const next = new Map<string, Scheduled>();
    for (const probe of targets.flatMap(probesOf)) {
      const key = JSON.stringify([probe.target, probe.size]);
      const known = this.#scheduled.get(key);
      next.set(key, known ?? { probe, window: new ProbeWindow(probe), dueMs: now + random() * firstWithinMs });
    }
    this.#scheduled = next;
    this.#bell.abort();
    this.#bell = new AbortController();
  }

  /** What came of the probes of now, always in the same order. */
  results(): readonly ProbeResult[] {
    return [...this.#scheduled].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { window }]) => window.result());
  }

  /** Probes until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    signal.addEventListener('abort', () => this.#bell.abort(), { once: true });
    while (!signal.aborted) {
      const next = [...this.#scheduled.values()].reduce<Scheduled | null>(
        (first, one) => (first === null || one.dueMs < first.dueMs ? one : first),
        null,
      );
      const waitMs = next === null ? idleMs : this.#dueMs(next) - clock.monotonicMs();
      if (next !== null && waitMs <= 0) this.#send(next);
      else await clock.sleep(waitMs, this.#bell.signal);
    }
  }

  #dueMs({ dueMs }: Scheduled): number {
    return Math.max(dueMs, this.#lastSentMs + leastBetweenMs);
  }

  /** Does not wait for the answer: at most ten are under way, since each ends within a second. */
  #send(one: Scheduled): void {
    const { clock, random, send } = this.#options;
    const now = clock.monotonicMs();
    this.#lastSentMs = now;
    this.#sent++;
    const againMs = one.probe.target.protocol === 'tcp' ? connectEveryMs : everyMs;
    one.dueMs = now + againMs * (1 + jitter * (2 * random() - 1));
    void send(one.probe, clock).then((outcome) => one.window.add(outcome));
  }
}
