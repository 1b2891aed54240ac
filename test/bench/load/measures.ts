/** What a whole run came to, and what of it is promised. */
import type { FindingJson } from '../../../aggregator/http/schemas/finding.ts';
import type { ToldStep } from '../../e2e/aggregator-client.ts';
import type { Measure } from '../report.ts';
import type { Progress } from './progress.ts';
import { mean, type Point, risePerTenMinutes } from './trend.ts';

export interface RunOutcome {
  readonly progress: Progress;
  /** Every step of a finding's life that was told. */
  readonly steps: readonly ToldStep[];
  readonly seconds: number;
  /** The node whose kube-proxy hung; null where none did. */
  readonly hungNode: string | null;
  /** Findings that have not ended, after the run. */
  readonly openAtEnd: readonly FindingJson[];
}

const MiB = 1024 * 1024;
/** A shorter run is over before a hung node may be told, and before memory comes to rest. */
export const leastSeconds = 500;

/** Rows for the report. */
export function measuresOf(run: RunOutcome): readonly Measure[] {
  return [...costs(run), ...growth(run), ...verdicts(run)];
}

function costs({ progress }: RunOutcome): readonly Measure[] {
  const { moments, nodeCount } = progress;
  const [first, last] = [moments[0], moments.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was measured');
  const seconds = last.sample.at - first.sample.at;
  const rate = (name: string): number => (last.figures.sum(name) - first.figures.sum(name)) / seconds;
  const worst = (name: string): number => Math.max(...moments.slice(1).map(({ figures }) => figures.sum(name)));
  const cpu = (last.sample.cpuSeconds - first.sample.cpuSeconds) / seconds;
  const looks = rate('evaluations_total');
  return [
    { what: 'aggregator: CPU', value: cpu, unit: 's per second', limit: 1 },
    {
      what: 'its event loop: p99 delay, worst minute',
      value: worst('event_loop_delay_p99_seconds') * 1000,
      unit: 'ms',
      limit: 100,
    },
    {
      what: 'its event loop: longest delay',
      value: worst('event_loop_delay_max_seconds') * 1000,
      unit: 'ms',
      limit: 200,
    },
    { what: 'looks at nodes', value: looks, unit: 'per second', limit: null },
    { what: 'one look', value: (rate('evaluation_seconds_total') / looks) * 1000, unit: 'ms', limit: null },
    {
      what: 'bytes of messages, per agent',
      value: rate('ingest_bytes_total') / nodeCount,
      unit: 'per second',
      limit: null,
    },
    { what: 'digests that agents were asked for', value: rate('ingest_wanted_total'), unit: 'per second', limit: null },
    { what: 'leaves in the content store', value: last.figures.sum('ingest_kept_leaves'), unit: '', limit: null },
    { what: 'tables in it', value: last.figures.sum('ingest_kept_tables'), unit: '', limit: null },
    { what: 'journal', value: last.figures.sum('journal_bytes') / MiB, unit: 'MiB', limit: null },
  ];
}

function growth({ progress, seconds }: RunOutcome): readonly Measure[] {
  const { samples, moments, liveHeap } = progress;
  const [start = 0, end = 0] = [samples[0]?.at, samples.at(-1)?.at];
  const half = (start + end) / 2;
  const heap = liveHeap.filter(({ at }) => at >= half);
  const rss = samples.filter(({ at }) => at >= half).map(({ at, rssBytes }) => ({ at, value: rssBytes }));
  const peak = (of: typeof samples): number => Math.max(...of.map(({ rssBytes }) => rssBytes));
  const [peakBefore, peakAfter] = [
    peak(samples.filter(({ at }) => at < half)),
    peak(samples.filter(({ at }) => at >= half)),
  ];
  const past = moments.map(({ sample, figures }) => ({ at: sample.at, states: figures.sum('desired_past_states') }));
  const pastAtHalf = past.findLast(({ at }) => at <= half)?.states ?? 0;
  const ofLevel = (points: typeof rss): number => (risePerTenMinutes(points) / levelOf(points)) * 100;
  const perTenMinutes = '% per 10 min';
  const heapRows: readonly Measure[] = [
    { what: 'heap in use after whole collections, last half', value: levelOf(heap) / MiB, unit: 'MiB', limit: null },
    { what: 'its rise in the last half, by a straight line', value: ofLevel(heap), unit: perTenMinutes, limit: null },
  ];
  return [
    { what: 'its memory (resident), highest of the first half', value: peakBefore / MiB, unit: 'MiB', limit: null },
    { what: 'highest of the last half', value: peakAfter / MiB, unit: 'MiB', limit: null },
    {
      what: 'highest of the last half / of the first half',
      value: peakAfter / peakBefore,
      unit: '',
      limit: seconds < leastSeconds ? null : 1.05,
    },
    { what: 'its rise in the last half, by a straight line', value: ofLevel(rss), unit: perTenMinutes, limit: null },
    ...(heap.length < 2 ? [] : heapRows),
    {
      what: 'past states of Services added in the last half, remembered for 24 h',
      value: (past.at(-1)?.states ?? 0) - pastAtHalf,
      unit: '',
      limit: null,
    },
  ];
}

function levelOf(points: readonly Point[]): number {
  return mean(points.map(({ value }) => value));
}

function verdicts({ progress, steps, hungNode, openAtEnd }: RunOutcome): readonly Measure[] {
  const fired = steps.flatMap(({ transition, finding }) =>
    transition.kind === 'firing' && finding !== null ? [finding] : [],
  );
  const isOfHungNode = ({ node }: FindingJson): boolean => node !== null && node === hungNode;
  const causes = fired.filter((finding) => isOfHungNode(finding) && finding.parent === null);
  const stalled = causes.filter(({ check }) => check === 'proxy-stalled');
  const lost = progress.moments.at(-1)?.figures.sum('reports_lost_total') ?? 0;
  const counts: Measure[] = [
    {
      what: 'findings that fired on nodes without a fault',
      value: fired.filter((finding) => !isOfHungNode(finding)).length,
      unit: '',
      limit: 0,
    },
    {
      what: 'findings open at the end on nodes without a fault',
      value: openAtEnd.filter((finding) => !isOfHungNode(finding)).length,
      unit: '',
      limit: null,
    },
    { what: 'reports of which a part was lost', value: lost, unit: '', limit: 0 },
    { what: 'streams that broke', value: progress.reconnects, unit: '', limit: 0 },
  ];
  if (hungNode === null) return counts;
  return [
    ...counts,
    {
      what: 'the hung kube-proxy: missed firings of proxy-stalled',
      value: Math.abs(stalled.length - 1),
      unit: '',
      limit: 0,
    },
    { what: 'other causes that fired on its node', value: causes.length - stalled.length, unit: '', limit: 0 },
    {
      what: 'its findings still open at the end, after the restart',
      value: openAtEnd.filter(isOfHungNode).length,
      unit: '',
      limit: 0,
    },
  ];
}
