/**
 * Measures what policies cost: `node policy-flows.ts PODS WORKLOADS POLICIES`. Prints one line of JSON.
 * Program of its own, so that memory is its alone.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Flow } from '../../aggregator/model/policy.ts';
import { policyCluster } from './policy-cluster.ts';

export interface PolicyCosts {
  /** Compiling the policies. */
  readonly compileMs: number;
  /** Finding the class of every pod. */
  readonly classesMs: number;
  readonly classes: number;
  /** A million flows between pods all over the cluster. */
  readonly flowsMs: number;
  readonly allowed: number;
  /** What policies, classes and answers hold, beside the API's objects. */
  readonly heapMiB: number;
}

const flows = 1_000_000;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** User and system, of the whole process. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function heapMiB(): number {
  collect();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}

function measured(pods: number, workloads: number, policies: number): PolicyCosts {
  const objects = policyCluster({ pods, workloads, policies });
  const all = [...objects.pods()];
  const before = heapMiB();
  const started = cpuMs();
  const answers = objects.policy;
  if (answers === null) throw new Error('nothing is known of policies');
  const compiled = cpuMs();
  const { classes } = answers;
  const classified = cpuMs();
  let allowed = 0;
  // Two strides without a common divisor with most numbers of pods: pairs of all classes come up.
  for (let index = 0; index < flows; index++) {
    const from = all[(index * 7919) % all.length];
    const to = all[(index * 104_729 + 1) % all.length];
    if (from === undefined || to === undefined) continue;
    const flow: Flow = {
      from: { kind: 'pod', pod: from },
      to: { kind: 'pod', pod: to },
      ...{ family: 'ipv4', protocol: 'tcp', port: 8080 },
    };
    if (answers.flow(flow).allowed === true) allowed += 1;
  }
  const ended = cpuMs();
  const after = heapMiB();
  // Used once more, so that what was there before is still there.
  if (all.length !== pods || answers.classes !== classes || [...objects.pods()].length !== pods)
    throw new Error('changed');
  return {
    compileMs: compiled - started,
    classesMs: classified - compiled,
    classes,
    flowsMs: ended - classified,
    allowed,
    heapMiB: after - before,
  };
}

const [pods = 0, workloads = 0, policies = 0] = process.argv.slice(2).map(Number);
process.stdout.write(`${JSON.stringify(measured(pods, workloads, policies))}\n`);
