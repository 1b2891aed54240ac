/** The rows of the report that are about the aggregator and the stream, each measured by a program of its own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { aggregatorNodeFlags } from '../../aggregator/node-flags.ts';
import type { BookCosts } from './desired-book.ts';
import type { FindingLatency } from './finding-latency.ts';
import type { LookCosts } from './look-costs.ts';
import type { PodWatchCosts } from './pod-watch.ts';
import { type Measure, median } from './report.ts';
import type { SaidBytes, StreamBytes } from './stream-bytes.ts';

/** Runs a program that prints one line of JSON. @throws when it fails, with what it said. */
function told<Costs>(program: string, flags: readonly string[] = []): Costs {
  const run = spawnSync(process.execPath, [...flags, join(import.meta.dirname, program)], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
  });
  if (run.status !== 0) throw new Error(`${program} ended with ${run.status ?? run.signal}: ${run.stderr}`);
  // Written by our own programs: their types say what it is.
  const costs: Costs = JSON.parse(run.stdout);
  return costs;
}

/** All of them. Takes about a minute. */
export function aggregatorRows(): readonly Measure[] {
  return [...bookRows(), ...lookRows(), ...byteRows(), ...latencyRows()];
}

function bookRows(): readonly Measure[] {
  const book = told<BookCosts>('desired-book.ts');
  const cluster = '5,000 nodes, 10,000 Services x 5';
  const cpu = 's CPU';
  return [
    { what: `desired tables of all, ${cluster}`, value: book.allTablesMs / 1000, unit: cpu, limit: 5 },
    { what: 'all of them again after one Service changed', value: book.oneChangeMs / 1000, unit: cpu, limit: 0.5 },
    { what: `memory of them, ${cluster}`, value: book.heapMiB, unit: 'MiB', limit: 200 },
    { what: 'a past state of a Service, new', value: book.newPastStateBytes, unit: 'bytes', limit: null },
    { what: 'a past state of a Service, old', value: book.oldPastStateBytes, unit: 'bytes', limit: null },
  ];
}

function lookRows(): readonly Measure[] {
  const runs = Array.from({ length: 3 }, () => told<LookCosts>('look-costs.ts'));
  const of = (cost: (costs: LookCosts) => number): number => median(runs.map(cost));
  return [
    {
      what: 'the engine judges a report that is as before, 5,000 Services',
      value: of(({ unchangedMs }) => unchangedMs),
      unit: 'ms',
      limit: 2,
    },
    {
      what: 'the engine judges a node that followed one change',
      value: of(({ followedMs }) => followedMs),
      unit: 'ms',
      limit: 2,
    },
  ];
}

function byteRows(): readonly Measure[] {
  const { change, nextChange, heartbeatWithFigures, heartbeat, unchanged } = told<StreamBytes>('stream-bytes.ts');
  const rows = (what: string, { messages, wire }: SaidBytes, limit: number | null): readonly Measure[] => [
    { what, value: messages, unit: 'bytes', limit },
    { what: `${what}, with TLS and HTTP/2, both ways`, value: wire, unit: 'bytes', limit: null },
  ];
  return [
    ...rows('one Service change, second reporter: table and figures', change, 600),
    ...rows('one more before the next heartbeat: table', nextChange, 110),
    ...rows('the heartbeat after it, with its figures', heartbeatWithFigures, 700),
    ...rows('a heartbeat without news', heartbeat, 120),
    ...rows('a reading without news', unchanged, 30),
  ];
}

function latencyRows(): readonly Measure[] {
  const { ms } = told<FindingLatency>('finding-latency.ts');
  const what = 'from a reading with damage to its pending finding, 200 nodes';
  return [
    { what: `${what}, median`, value: median(ms), unit: 'ms', limit: 200 },
    { what: `${what}, worst of ${ms.length}`, value: Math.max(...ms), unit: 'ms', limit: 1000 },
  ];
}

/** What the watches hold of the largest cluster. Takes about a minute. */
export function largestRows(): readonly Measure[] {
  const costs = told<PodWatchCosts>('pod-watch.ts', aggregatorNodeFlags);
  return [
    { what: 'heap of all that is held', value: costs.heapMiB, unit: 'MiB', limit: 175 },
    { what: 'after every pod has changed', value: costs.changedHeapMiB, unit: 'MiB', limit: 190 },
    { what: 'peak of the process, while pods are listed anew', value: costs.peakMiB, unit: 'MiB', limit: 600 },
    { what: 'until all is known', value: costs.firstListCpuMs / 1000, unit: 's CPU', limit: 30 },
    { what: 'to follow one change of a pod', value: costs.changeMs, unit: 'ms CPU', limit: 0.2 },
    { what: 'the event loop: longest delay, at the first list', value: costs.firstStopMs, unit: 'ms', limit: null },
    { what: 'the event loop: longest delay, at a list anew', value: costs.relistStopMs, unit: 'ms', limit: null },
    {
      what: `a look of the checks that read API objects alone, ${costs.findings} findings`,
      value: costs.objectLookMs,
      unit: 'ms',
      limit: 50,
    },
  ];
}
