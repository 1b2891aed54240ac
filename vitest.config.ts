/** The suites that vitest runs; scripts/test.js holds their time budgets. */
import { defineConfig } from 'vitest/config';

const beside = ['agent', 'aggregator', 'cli', 'proto'].map((folder) => `${folder}/**/*.test.ts`);
const above = ['engine', 'published', 'recordings', 'scenarios'].map((folder) => `test/${folder}/**/*.test.ts`);
/** Random clusters, rules and bytes by the thousand. */
const properties = [
  'test/property/**/*.test.ts',
  'test/engine/churn.test.ts',
  'agent/node-iptables-parse/{cut,mutation}.test.ts',
  'agent/dataplane/hostile-rules.test.ts',
];
/** Tests that start the program as a process again and again. */
const commands = ['test/scenarios/command-line.test.ts', 'test/scenarios/kubectl-plugin.test.ts', 'agent/main.test.ts'];
/** Packets and lookups that are lost, pods and overlays that break: with the other faults, as the kernel suite has no more time. */
const lost = ['test/kernel/{probes,overlay-probes,overlay-findings,pod-findings,matrix-probes,dns-faults}.test.ts'];
/** Processes that are killed: beside the other whole systems, which wait most of the time as well. */
const killed = 'test/faults/killed-processes.test.ts';
const slow = '**/*.slow.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'architecture', include: ['test/architecture/**/*.test.ts'] },
      },
      {
        test: {
          name: 'unit',
          include: [...beside, ...above],
          exclude: [slow, ...commands, ...properties, '**/node_modules/**'],
          // By itself vitest leaves a core to its own process, of the two that there are.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'property',
          include: properties,
          exclude: [slow],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The command line as users run it: mostly the start of processes.
        test: { name: 'commands', include: commands, testTimeout: 60_000, hookTimeout: 60_000 },
      },
      {
        // What Helm and the image builders would make of the files here.
        test: { name: 'chart', include: ['test/chart/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
      {
        // Alerts, dashboard and figures, with a real Prometheus.
        test: {
          name: 'monitoring',
          include: ['test/monitoring/**/*.test.ts'],
          testTimeout: 100_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The page in a real browser.
        test: {
          name: 'web',
          include: ['test/web/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Real namespaces and real rules, as root: one file at a time, since they share one kernel.
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          exclude: [slow, ...lost],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // The whole system as processes, as root. Each file has systems of its own, and waits most of the time.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', killed],
          exclude: [slow],
          pool: 'forks',
          maxWorkers: 3,
          testTimeout: 200_000,
          hookTimeout: 200_000,
        },
      },
      {
        // Packets lost, disks full, connections cut: one file at a time, since each loads the machine by itself.
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts', ...lost],
          exclude: [slow, killed],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Longer random runs than `npm test` has time for: `npm run test:slow`.
        test: {
          name: 'slow',
          include: [slow],
          exclude: ['**/node_modules/**'],
          fileParallelism: false,
          testTimeout: 1_800_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
