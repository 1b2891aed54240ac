/** What a run comes to while it goes on: samples of the aggregator's size, and a line now and then. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Churn } from './churn.ts';
import type { Figures, MeasuredAggregator, Sample } from './measured-aggregator.ts';
import type { SimulatedNodes } from './simulated-nodes.ts';

export interface ProgressSources {
  readonly aggregator: MeasuredAggregator;
  readonly nodes: SimulatedNodes;
  readonly churn: Churn;
  readonly nodeCount: number;
}

/** All that is known of one moment. */
export interface Moment {
  readonly sample: Sample;
  readonly figures: Figures;
  readonly readings: number;
  readonly writes: number;
}

const MiB = 1024 * 1024;

export class Progress {
  readonly #sources: ProgressSources;
  readonly samples: Sample[] = [];
  readonly moments: Moment[] = [];
  /** Of this process: a load that does not keep up with itself measures nothing. */
  readonly #ownDelay = monitorEventLoopDelay({ resolution: 10 });

  constructor(sources: ProgressSources) {
    this.#sources = sources;
    this.#ownDelay.enable();
  }

  get nodeCount(): number {
    return this.#sources.nodeCount;
  }

  get reconnects(): number {
    return this.#sources.nodes.reconnects;
  }

  get warnings(): ReadonlyMap<string, number> {
    return this.#sources.nodes.warnings;
  }

  get liveHeap(): ReturnType<MeasuredAggregator['liveHeap']> {
    return this.#sources.aggregator.liveHeap();
  }

  /** The first moment: the load begins. */
  async begin(): Promise<void> {
    this.moments.push(await this.#now());
  }

  sample(): void {
    this.samples.push(this.#sources.aggregator.sample());
  }

  /** One line of what the time since the last one cost. */
  async tell(): Promise<string> {
    const before = this.moments.at(-1);
    const now = await this.#now();
    this.moments.push(now);
    if (before === undefined) return '';
    const { figures, sample } = now;
    const seconds = sample.at - before.sample.at;
    const rate = (name: string): number => (figures.sum(name) - before.figures.sum(name)) / seconds;
    const cells = [
      `RSS ${(sample.rssBytes / MiB).toFixed(0)} MiB, live heap ${((this.liveHeap.at(-1)?.value ?? 0) / MiB).toFixed(1)}`,
      `CPU ${((sample.cpuSeconds - before.sample.cpuSeconds) / seconds).toFixed(2)} s/s`,
      `loop p99 ${ms(figures.sum('event_loop_delay_p99_seconds'))} max ${ms(figures.sum('event_loop_delay_max_seconds'))}`,
      `${(rate('ingest_bytes_total') / this.#sources.nodeCount).toFixed(0)} B/s per agent`,
      `${rate('evaluations_total').toFixed(0)} looks/s of ${ms(rate('evaluation_seconds_total') / rate('evaluations_total'))}`,
      `streams ${figures.sum('ingest_streams')}`,
      `healthy ${figures.sum('nodes', { state: 'healthy' })}`,
      `firing ${figures.sum('findings', { state: 'firing' })} pending ${figures.sum('findings', { state: 'pending' })}`,
      `journal ${(figures.sum('journal_bytes') / MiB).toFixed(1)} MiB`,
      `kept ${figures.sum('ingest_kept_leaves')} leaves ${figures.sum('ingest_kept_branches')} branches ${figures.sum('ingest_kept_tables')} tables ${figures.sum('ingest_kept_parts')} parts`,
      `past ${figures.sum('desired_past_states')}`,
      `wanted ${rate('ingest_wanted_total').toFixed(1)}/s`,
      `load ${((now.readings - before.readings) / seconds).toFixed(0)} readings/s ${((now.writes - before.writes) / seconds).toFixed(1)} writes/s, own loop p99 ${(this.#ownDelay.percentile(99) / 1e6 - 10).toFixed(0)} max ${(this.#ownDelay.max / 1e6 - 10).toFixed(0)} ms`,
    ];
    this.#ownDelay.reset();
    return cells.join(' | ');
  }

  async #now(): Promise<Moment> {
    const { aggregator, nodes, churn } = this.#sources;
    const figures = await aggregator.metrics();
    return { sample: aggregator.sample(), figures, readings: nodes.readings, writes: churn.writes };
  }
}

function ms(seconds: number): string {
  return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}
