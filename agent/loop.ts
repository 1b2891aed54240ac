/**
 * Reads the node again and again, one reading at a time, and hands each to whoever subscribed:
 *
 *     hints ──┐                          ┌── subscribers (the stream)
 *     evidence ├─▶ wait (pace.ts) ─▶ observe ─▶ NodeReading
 *     interval ┘
 *
 * Nothing here looks at what was found: that is the aggregator's.
 */
import { BucketTable, type Leaf, leavesOf } from '../proto/bucket-tree.ts';
import type { ForwardingReport, Part, ProbesReport } from '../proto/parts.ts';
import type { Clock } from './clock.ts';
import type { Wishes } from './collectors/dataplane-reading.ts';
import { readersOf } from './collectors/readers.ts';
import type { CpuMeter } from './cpu-meter.ts';
import type { ChangeHint } from './hints/change-hint.ts';
import type { Host } from './host.ts';
import type { Log } from './log.ts';
import type { LookupsToldOf } from './lookups/looking-up.ts';
import { type Observation, observe } from './observe.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { Pace, type PaceLimits } from './pace.ts';
import type { LoopFigures, NodeReading, ReadingSource } from './reading.ts';

export interface ReadingLoopOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly cpu: CpuMeter;
  /** Memory of this process. */
  readonly rssBytes: () => number;
  readonly limits: PaceLimits;
  readonly log: Log;
  /** What probes tell at this moment; absent where there are none. */
  readonly probes?: (() => Part<ProbesReport>) | undefined;
  /** What lookups tell at this moment; absent where there are none. */
  readonly lookups?: (() => LookupsToldOf) | undefined;
}

/**
 * A hint comes with the first of several changes: kube-proxy writes table after table. Reading waits a moment, so as to
 * see them together.
 */
const settleMs = 250;
/** Entries whose rules were asked for and not yet shown; the rest is forgotten. */
const maxWanted = 200;

/** The last table as leaves, and the report it came in. */
interface LeavesOfReport {
  readonly report: ForwardingReport;
  readonly leaves: readonly Leaf[];
}

export class ReadingLoop implements ReadingSource {
  readonly #options: ReadingLoopOptions;
  readonly #pace: Pace;
  readonly #startMs: number;
  readonly #stopping = new AbortController();
  readonly #observe: (wishes: Wishes) => Promise<Observation>;
  readonly #listeners = new Set<(reading: NodeReading) => void>();
  readonly #wanted = new Set<string>();
  #hints: readonly ChangeHint[] = [];
  /** Since when something asks for a reading before its regular time. */
  #askedAtMs: number | null = null;
  /** Whether there was a sign of change since the last reading began. */
  #isHinted = false;
  /** Wakes the loop up to think again. */
  #bell = new AbortController();
  #isReading = false;
  #latest: NodeReading | null = null;
  #leaves: LeavesOfReport | null = null;
  #counts = { readings: 0, unchanged: 0, failed: 0, hints: 0 };
  #lastSeconds = 0;
  #cpuSeconds = 0;

  constructor(options: ReadingLoopOptions) {
    const { clock } = options;
    this.#options = options;
    this.#startMs = clock.monotonicMs();
    this.#pace = new Pace(options.limits, this.#startMs);
    const host = oneAtATime(options.host, this.#stopping.signal);
    const now = () => clock.now();
    const readers = readersOf(host, { now, monotonicMs: () => clock.monotonicMs() }, false);
    this.#observe = (wishes) =>
      observe(host, { now, readers, wishes, probes: options.probes, lookups: options.lookups });
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** Reads until `stop`. @param hints what tells of changes; started and stopped with the loop. */
  async run(hints: readonly ChangeHint[]): Promise<void> {
    const { signal } = this.#stopping;
    this.#hints = hints;
    for (const hint of hints) hint.start(() => this.#heard());
    try {
      while (!signal.aborted) {
        await this.#untilDue();
        if (!signal.aborted) await this.#read();
      }
    } finally {
      await Promise.all(hints.map((hint) => hint.stop()));
    }
  }

  /** Ends what runs; `run` returns soon. */
  stop(): void {
    this.#stopping.abort();
    this.#bell.abort();
  }

  latest(): NodeReading | null {
    return this.#latest;
  }

  subscribe(listener: (reading: NodeReading) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  wantEvidence(entries: readonly string[]): void {
    for (const entry of entries) if (this.#wanted.size < maxWanted) this.#wanted.add(entry);
    if (this.#wanted.size > 0) this.#ask();
  }

  slowDown(intervalSeconds: number | null): void {
    this.#pace.slowDown(intervalSeconds);
    this.#ring();
  }

  figures(): LoopFigures {
    const { host, clock, rssBytes } = this.#options;
    return {
      rssBytes: rssBytes(),
      childPeakBytes: host.childPeakBytes?.() ?? 0,
      cpuSeconds: this.#cpuSeconds,
      uptimeSeconds: (clock.monotonicMs() - this.#startMs) / 1000,
      readings: this.#counts.readings,
      unchangedReadings: this.#counts.unchanged,
      failedReadings: this.#counts.failed,
      lastReadingSeconds: this.#lastSeconds,
      intervalSeconds: this.#pace.intervalSeconds,
      hints: this.#counts.hints,
      hintSources: this.#hints.filter(({ isListening }) => isListening).map(({ name }) => name),
    };
  }

  #heard(): void {
    this.#counts.hints++;
    this.#isHinted = true;
    this.#ask();
  }

  #ask(): void {
    if (this.#askedAtMs !== null) return;
    this.#askedAtMs = this.#options.clock.monotonicMs();
    this.#ring();
  }

  #ring(): void {
    this.#bell.abort();
    this.#bell = new AbortController();
  }

  async #untilDue(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const nowMs = clock.monotonicMs();
      const asked = this.#askedAtMs;
      const settling = asked === null ? 0 : Math.max(0, asked + settleMs - nowMs);
      const waitMs = Math.max(this.#pace.waitMs(nowMs, asked !== null), this.#counts.readings === 0 ? 0 : settling);
      if (waitMs <= 0) return;
      await clock.sleep(waitMs, this.#bell.signal);
    }
  }

  async #read(): Promise<void> {
    const { clock, cpu } = this.#options;
    // What changes from here on may be missed by this reading, and asks for the next one.
    const wishes = { evidenceFor: [...this.#wanted], expectsChange: this.#isHinted };
    this.#askedAtMs = null;
    this.#isHinted = false;
    this.#isReading = true;
    const startMs = clock.monotonicMs();
    const spentBefore = await cpu();
    const observation = await this.#observe(wishes);
    this.#isReading = false;
    if (this.#stopping.signal.aborted) return;
    const endMs = clock.monotonicMs();
    this.#cpuSeconds = await cpu();
    this.#lastSeconds = (endMs - startMs) / 1000;
    this.#pace.spent(this.#cpuSeconds - spentBefore, startMs, endMs);
    for (const { entry } of observation.evidence) this.#wanted.delete(entry);
    for (const hint of this.#hints) hint.heed(observation);
    this.#publish(observation, endMs, this.#cpuSeconds - spentBefore);
  }

  #publish(observation: Observation, endedAtMs: number, costSeconds: number): void {
    const { profile, parts, ownerHint, evidence } = observation;
    const before = this.#leaves;
    const leaves = this.#leavesOf(parts.forwarding);
    const unchanged = leaves !== null && leaves === before?.leaves;
    this.#counts.readings++;
    if (unchanged) this.#counts.unchanged++;
    if (parts.forwarding.state === 'failed') this.#counts.failed++;
    this.#tell(parts.forwarding, { unchanged, costSeconds });
    const number = this.#counts.readings;
    const takenAt = this.#options.clock.now();
    const reading: NodeReading = { number, takenAt, endedAtMs, profile, parts, leaves, ownerHint, evidence };
    this.#latest = reading;
    for (const listener of this.#listeners) listener(reading);
  }

  /** Made when the report is a new one; of an unchanged one the same array again. */
  #leavesOf(part: Part<ForwardingReport>): readonly Leaf[] | null {
    if (part.state !== 'ok') return null;
    if (this.#leaves?.report !== part.value) {
      const { table } = part.value;
      this.#leaves = { report: part.value, leaves: table instanceof BucketTable ? table.leaves : leavesOf(table) };
    }
    return this.#leaves.leaves;
  }

  #tell(part: Part<ForwardingReport>, fields: { readonly unchanged: boolean; readonly costSeconds: number }): void {
    const { log } = this.#options;
    const figures = { ...fields, seconds: this.#lastSeconds, intervalSeconds: this.#pace.intervalSeconds };
    switch (part.state) {
      case 'ok':
        log.debug({ ...figures, frontends: part.value.table.size }, 'read the node');
        return;
      case 'absent':
        log.debug(figures, 'read the node, whose dataplane cannot be read');
        return;
      case 'failed':
        log.warn({ ...figures, reason: part.reason }, 'the rules could not be read');
        return;
    }
  }
}
