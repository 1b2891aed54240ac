/**
 * How soon damage that an agent has read stands in the engine's record: `node finding-latency.ts` prints one line of JSON
 * (FindingLatency). Engine, journal on disk, ingest server and all agents' streams run in this process; the agents read
 * every five seconds, so what is measured comes in between their reports.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentStream } from '../../agent/stream/client.ts';
import { checks } from '../../aggregator/checks/index.ts';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import { Engine } from '../../aggregator/engine/engine.ts';
import { IngestServer } from '../../aggregator/ingest/server.ts';
import { openJournal } from '../../aggregator/journal/open-journal.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { randomFrom } from '../../agent/node-iptables-parse/random.ts';
import { pause, until } from '../e2e/until.ts';
import { profileOf, SimulatedAgent } from './load/agent.ts';
import { nodeNameOf } from './load/api-objects.ts';
import { SimulatedKubeProxy } from './load/kube-proxy.ts';
import { LeafPool } from './load/leaf-pool.ts';
import { loadedFeed, loadedObjects } from './load/loaded-cluster.ts';

export interface FindingLatency {
  /** From the reading handed to the stream to the pending finding, milliseconds. */
  readonly ms: readonly number[];
}

const size = { nodes: 200, services: 1000, endpoints: 10 };
const trials = 40;
const readEveryMs = 5000;
const { now, monotonic, later } = systemTiming;
/** Long enough ago that nothing is in its grace. */
const anHourAgo = (): number => now() - 3_600_000;

const folder = mkdtempSync(join(tmpdir(), 'plumbline-latency-'));
const random = randomFrom(1);
const cluster = loadedFeed(loadedObjects(size, random), anHourAgo);
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const { journal } = openJournal({ folder: join(folder, 'journal'), now: () => new Date(), tell: () => undefined });
const engine = new Engine({ cluster, journal, checks, log, now, later });
const sockets = Array.from({ length: size.nodes }, (_, index) => {
  const node = nodeNameOf(index);
  return { kind: 'unix', node, path: join(folder, `${node}.sock`) } as const;
});
const ingest = new IngestServer({ listeners: sockets, known: engine, now, monotonic, log });
engine.start(ingest);
cluster.relisted('services');
cluster.relisted('endpointslices');
await ingest.start();
const pool = new LeafPool();
const nodes = sockets.map(({ node, path }, index) => {
  const apiNode = cluster.nodes.get(node);
  if (apiNode === undefined) throw new Error(`there is no ${node}`);
  const profile = profileOf(index);
  const proxy = new SimulatedKubeProxy(apiNode, profile, { cluster, pool, random });
  const agent = new SimulatedAgent(profile, proxy);
  const credentials = { tokenFile: null, caFile: null, serverName: null };
  const addresses = [`unix:${path}`];
  const stream = new AgentStream({
    source: agent,
    addresses,
    nodeName: node,
    agentVersion: '0.1.0',
    credentials,
    dialSpreadSeconds: 3,
    log,
  });
  void stream.run();
  const reading = setInterval(() => agent.read(), readEveryMs + index);
  agent.read();
  return { name: node, proxy, agent, stream, stop: () => clearInterval(reading) };
});
await until({
  what: 'all nodes to be found healthy',
  seconds: 60,
  look: () => engine.nodes().filter(({ state }) => state === 'healthy').length,
  met: (healthy) => healthy === size.nodes,
});
const told: FindingLatency = { ms: await measured() };
for (const { stop, proxy } of nodes) {
  stop();
  proxy.stop();
}
await Promise.all(nodes.map(({ stream }) => stream.stop()));
engine.stop();
await ingest.stop(false);
journal.close();
rmSync(folder, { recursive: true });
process.stdout.write(`${JSON.stringify(told)}\n`);

async function measured(): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    // A node and a Service of its own each time, at a time of its own.
    await pause(50 + random() * 150);
    const node = nodes[trial * 5];
    if (node === undefined) throw new Error('there are fewer nodes than trials');
    node.proxy.damage(`tcp 10.96.0.${trial + 1}:80` as FrontendKey, () => null);
    const seen = pendingOn(node.name);
    const start = performance.now();
    node.agent.read();
    await seen;
    latencies.push(performance.now() - start);
  }
  return latencies;
}

/** Resolves once a finding of the node is pending on the record. */
function pendingOn(name: string): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = engine.subscribe((event) => {
      if (event.kind !== 'finding' || event.finding?.node !== name || event.transition.kind !== 'pending') return;
      if (!engine.findings().some(({ node, state }) => node === name && state === 'pending')) return;
      unsubscribe();
      resolve();
    });
  });
}
