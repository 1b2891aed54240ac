/**
 * What the aggregator's watches hold of the largest cluster, and what they cost: `node pod-watch.ts` prints one line of
 * JSON (PodWatchCosts). The API is served by large-api.ts in a process of its own, over HTTP.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { judgeCluster } from '../../aggregator/audit/evaluate.ts';
import { checks } from '../../aggregator/checks/index.ts';
import { ApiClient } from '../../aggregator/cluster/api-client.ts';
import { httpTransport } from '../../aggregator/cluster/api-transport.ts';
import { ClusterStore } from '../../aggregator/cluster/cluster-store.ts';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import { feedObjects } from '../../aggregator/engine/feed-objects.ts';
import { isOfObjects } from '../../aggregator/engine/object-look.ts';
import type { ClusterChange, WatchedKind } from '../../aggregator/model/feeds.ts';
import { largest } from './load/large-cluster.ts';
import { agentIdentity } from './load/api-objects.ts';
import { peakResidentMiB } from './peak-memory.ts';
import { median } from './report.ts';

export interface PodWatchCosts {
  /** Of all objects: Services, slices, nodes and namespaces too. */
  readonly heapMiB: number;
  /** After every pod has changed once more. */
  readonly changedHeapMiB: number;
  /** The most that the process ever held, while it listed all pods anew. */
  readonly peakMiB: number;
  /** Until everything was known for the first time. */
  readonly firstListCpuMs: number;
  /** To follow one change of a pod. */
  readonly changeMs: number;
  /** The longest time that nothing else could be done: at the first lists, and at a list of all pods anew. */
  readonly firstStopMs: number;
  readonly relistStopMs: number;
  /** One look of the checks that read the API's objects alone; a hundredth of the Services is empty. */
  readonly objectLookMs: number;
  readonly findings: number;
}

const kinds: readonly WatchedKind[] = ['services', 'endpointslices', 'nodes', 'pods', 'namespaces', 'agentpods'];

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapMiB(): number {
  collect();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const server = spawn(process.execPath, [join(import.meta.dirname, 'large-api.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.once('exit', () => server.kill());
const [printed] = await once(server.stdout, 'data');
const url = String(printed).trim();

const transport = httpTransport({
  server: url,
  current: async () => ({ ok: true, headers: {}, tls: {}, proxy: null }),
  renew: () => undefined,
});
const store = new ClusterStore({
  client: new ApiClient(transport, systemTiming),
  timing: systemTiming,
  agents: { namespace: agentIdentity.namespace, labelSelector: 'app.kubernetes.io/component=agent' },
  log: { warn: (_fields, message) => process.stderr.write(`${message}\n`) },
});

/** Waits for a change that the store tells. @throws after five minutes. */
async function told(what: string, isIt: (change: ClusterChange) => boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`five minutes without ${what}`)), 300_000);
    const unsubscribe = store.subscribe((change) => {
      if (!isIt(change)) return;
      clearTimeout(late);
      unsubscribe();
      resolve();
    });
  });
}

async function command(path: string): Promise<string> {
  const response = await fetch(`${url}${path}`, { method: 'POST' });
  return response.text();
}

/** What takes long is over then, and in the delays. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

function podCount(): number {
  return (
    store.figures().find(({ name, labels }) => name === 'plumbline_watch_objects' && labels?.kind === 'pods')?.value ??
    0
  );
}

const emptyHeap = heapMiB();
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
const startCpu = cpuMs();
store.start();
await told('all kinds', () => kinds.every((kind) => store.health(kind).fresh));
const firstListCpuMs = cpuMs() - startCpu;
if (podCount() !== largest.pods) throw new Error(`${podCount()} pods are held, expected ${largest.pods}`);
await settled();
const firstStopMs = delay.max / 1e6;
const heap = heapMiB() - emptyHeap;

let changes = 0;
const unsubscribe = store.subscribe(({ kind }) => {
  if (kind === 'pods') changes++;
});
const changesFrom = cpuMs();
const allChanged = told('all changes', () => changes >= largest.pods);
await Promise.all([command(`/change?pods=${largest.pods}`), allChanged]);
const changeMs = (cpuMs() - changesFrom) / largest.pods;
unsubscribe();
const changedHeap = heapMiB() - emptyHeap;

delay.reset();
const relisted = told('a new list', (change) => change.kind === 'relisted' && change.of === 'pods');
await Promise.all([command('/expire'), relisted]);
await settled();
const relistStopMs = delay.max / 1e6;

const objects = feedObjects(store);
const ofObjects = checks.filter(isOfObjects);
const looks = Array.from({ length: 5 }, () => {
  const before = performance.now();
  const { findings } = judgeCluster({ nodes: [], objects }, ofObjects);
  return { ms: performance.now() - before, findings: findings.length };
});
const costs: PodWatchCosts = {
  heapMiB: heap,
  changedHeapMiB: changedHeap,
  peakMiB: peakResidentMiB(),
  firstListCpuMs,
  changeMs,
  firstStopMs,
  relistStopMs,
  objectLookMs: median(looks.map(({ ms }) => ms)),
  findings: looks[0]?.findings ?? 0,
};
process.stdout.write(`${JSON.stringify(costs)}\n`);
await store.stop();
await transport.close();
server.kill();
