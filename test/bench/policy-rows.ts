/** The rows about NetworkPolicies: classes, answers and memory, each cluster in a process of its own. */
import { ownProgram } from './own-program.ts';
import type { PolicyCosts } from './policy-flows.ts';
import { type Measure, median } from './report.ts';

const clusters = [
  { pods: 5_000, workloads: 500, policies: 1_000, limits: { readyMs: 200, flowsMs: 5_000, heapMiB: 20 } },
  { pods: 150_000, workloads: 2_000, policies: 1_000, limits: { readyMs: 1_000, flowsMs: 8_000, heapMiB: 40 } },
] as const;
const runs = 3;

/** All of them. Takes about half a minute. */
export function policyRows(): readonly Measure[] {
  return clusters.flatMap(({ pods, workloads, policies, limits }) => {
    const costs = Array.from({ length: runs }, () =>
      ownProgram<PolicyCosts>('policy-flows.ts', [pods, workloads, policies]),
    );
    const of = (cost: (costs: PolicyCosts) => number) => median(costs.map(cost));
    const [some, classes, rules] = [pods, of((cost) => cost.classes), policies].map((count) =>
      count.toLocaleString('en'),
    );
    const where = `${some} pods in ${classes} classes, ${rules} policies`;
    return [
      {
        what: `policies compiled and every pod's class found, ${where}`,
        value: of(({ compileMs, classesMs }) => compileMs + classesMs),
        unit: 'ms CPU',
        limit: limits.readyMs,
      },
      {
        what: `whether one pod may reach another, ${where}`,
        value: of(({ flowsMs }) => flowsMs) / 1_000,
        unit: 'µs CPU',
        limit: limits.flowsMs / 1_000,
      },
      {
        what: `memory of policies and classes, ${where}`,
        value: of(({ heapMiB }) => heapMiB),
        unit: 'MiB',
        limit: limits.heapMiB,
      },
    ];
  });
}
