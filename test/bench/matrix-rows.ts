/** The rows about the matrix: what all pairs of a cluster cost, how long others wait for a turn, memory. */
import type { MatrixCosts } from './matrix-cost.ts';
import { ownProgram } from './own-program.ts';
import { type Measure, median } from './report.ts';

const clusters = [
  { pods: 5_000, workloads: 500, policies: 1_000, limits: { cpuMs: 3_000, longestMs: 100, peakMiB: 200 } },
  { pods: 150_000, workloads: 2_000, policies: 1_000, limits: { cpuMs: 20_000, longestMs: 200, peakMiB: 400 } },
] as const;
const runs = 3;

/** All of them. Takes about a minute. */
export function matrixRows(): readonly Measure[] {
  return clusters.flatMap(({ pods, workloads, policies, limits }) => {
    const sizes = [pods, workloads, policies];
    const costs = Array.from({ length: runs }, () => ownProgram<MatrixCosts>('matrix-cost.ts', sizes));
    const of = (cost: (costs: MatrixCosts) => number) => median(costs.map(cost));
    const [some, pairs, rules] = [pods, of((cost) => cost.pairs), policies].map((count) => count.toLocaleString('en'));
    const where = `${pairs} pairs, ${some} pods, ${rules} policies`;
    return [
      { what: `the whole matrix, ${where}`, value: of(({ cpuMs }) => cpuMs), unit: 'ms CPU', limit: limits.cpuMs },
      {
        what: `its longest time without a turn for others, ${where}`,
        value: of(({ longestMs }) => longestMs),
        unit: 'ms',
        limit: limits.longestMs,
      },
      {
        what: `memory of the process above what the cluster takes, at most, ${where}`,
        value: of(({ peakMiB }) => peakMiB),
        unit: 'MiB',
        limit: limits.peakMiB,
      },
      {
        what: `memory that the answer keeps, ${where}`,
        value: of(({ heapMiB }) => heapMiB),
        unit: 'MiB',
        limit: null,
      },
      { what: `its grid for the page, ${where}`, value: of(({ gridMs }) => gridMs), unit: 'ms CPU', limit: null },
    ];
  });
}
