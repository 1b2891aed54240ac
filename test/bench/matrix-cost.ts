/**
 * Measures what the matrix of a cluster costs: `node matrix-cost.ts PODS WORKLOADS POLICIES`. Each workload has a Service.
 * Prints one line of JSON. Program of its own, so that memory is its alone.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { objectsOf } from '../../aggregator/audit/objects.ts';
import { MatrixDesk } from '../../aggregator/engine/matrix-desk.ts';
import type { ClusterObjects, EndpointSlice, Pod, Service } from '../../aggregator/model/cluster.ts';
import { familyOf, parseAddress } from '../../proto/address.ts';
import { service } from '../builders.ts';
import { policySnapshot } from './policy-cluster.ts';

export interface MatrixCosts {
  /** Of the whole matrix, with classes already found: pairs of workloads, and of workloads and Services. */
  readonly pairs: number;
  readonly cpuMs: number;
  /** The longest time in which nobody else had a turn. */
  readonly longestMs: number;
  /** The most memory of the process (RSS) while it was worked out, above that before. */
  readonly peakMiB: number;
  /** What is kept of it. */
  readonly heapMiB: number;
  readonly gridMs: number;
}

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

function clusterOf(pods: number, workloads: number, policies: number): ClusterObjects {
  const snapshot = policySnapshot({ pods, workloads, policies });
  const byOwner = Map.groupBy(snapshot.pods ?? [], ({ owner }) => owner?.name ?? '');
  const all = [...byOwner.values()].map((of, index) => withService(of, index));
  return objectsOf({
    ...snapshot,
    services: all.map((one) => one.service),
    endpointSlices: all.map(({ slice }) => slice),
  });
}

function withService(
  pods: readonly Pod[],
  index: number,
): { readonly service: Service; readonly slice: EndpointSlice } {
  const [first] = pods;
  const address = parseAddress(`10.96.${index >> 8}.${index & 255}`);
  if (first === undefined || address === null) throw new Error('a workload without pods');
  const { namespace } = first;
  const name = first.owner?.name ?? '';
  const endpoints = pods.slice(0, 100).flatMap((pod) =>
    pod.addresses.map((own) => ({
      ...{ address: own, nodeName: pod.nodeName, zoneHints: [], nodeHints: [] },
      ...{ ready: true, serving: true, terminating: false },
    })),
  );
  return {
    service: service(`${namespace}/${name}`).clusterIP(address).port(80, 'http').built,
    slice: {
      ...{ namespace, name: `${name}-1`, serviceName: name, family: familyOf(address), endpoints },
      ports: [{ name: 'http', protocol: 'tcp', port: 8080 }],
    },
  };
}

async function measured(pods: number, workloads: number, policies: number): Promise<MatrixCosts> {
  const objects = clusterOf(pods, workloads, policies);
  // Findings ask for classes all the time: they are there.
  if ((objects.policy?.classes ?? 0) === 0) throw new Error('there are no classes');
  const before = heapMiB();
  const rssMiB = process.memoryUsage.rss() / 1024 / 1024;
  let lastTurn = performance.now();
  let [longestMs, peakMiB] = [0, 0];
  const turn = () => {
    longestMs = Math.max(longestMs, performance.now() - lastTurn);
    peakMiB = Math.max(peakMiB, process.memoryUsage.rss() / 1024 / 1024 - rssMiB);
    lastTurn = performance.now();
  };
  const later = (_: number, run: () => void) =>
    setImmediate(() => {
      turn();
      run();
    });
  const desk = new MatrixDesk({ objects, now: () => performance.now(), later, observed: () => [] });
  const started = cpuMs();
  lastTurn = performance.now();
  const matrix = await desk.matrix({ namespace: null, from: null, to: null, show: 'all' });
  turn();
  const ended = cpuMs();
  const after = heapMiB();
  const gridStarted = cpuMs();
  const grid = await desk.grid(null);
  if (grid === 'busy' || matrix === 'busy' || matrix.pairs.length === 0) throw new Error('nothing was told');
  return {
    pairs: matrix.total,
    cpuMs: ended - started,
    longestMs,
    peakMiB,
    heapMiB: after - before,
    gridMs: cpuMs() - gridStarted,
  };
}

const [pods = 0, workloads = 0, policies = 0] = process.argv.slice(2).map(Number);
process.stdout.write(`${JSON.stringify(await measured(pods, workloads, policies))}\n`);
