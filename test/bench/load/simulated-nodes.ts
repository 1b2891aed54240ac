/** All simulated nodes of one process: a kube-proxy and an agent each, with a stream of its own to the aggregator. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentStream } from '../../../agent/stream/client.ts';
import type { ClusterFeed } from '../../../aggregator/model/feeds.ts';
import { profileOf, SimulatedAgent } from './agent.ts';
import { agentTokenOf, nodeNameOf } from './api-objects.ts';
import { SimulatedKubeProxy } from './kube-proxy.ts';
import { LeafPool } from './leaf-pool.ts';

export interface NodesPlan {
  readonly count: number;
  /** What the kube-proxies watch. */
  readonly cluster: ClusterFeed;
  /** Where the agents dial. */
  readonly aggregator: { readonly address: string; readonly caFile: string };
  /** For the agents' tokens. */
  readonly folder: string;
  readonly readEverySeconds: number;
  readonly random: () => number;
}

interface Node {
  readonly proxy: SimulatedKubeProxy;
  readonly agent: SimulatedAgent;
  readonly stream: AgentStream;
}

/** So many connections of one address may be strangers at once: all agents of a load come from one. */
const dialSpreadSeconds = 30;

export class SimulatedNodes {
  readonly #plan: NodesPlan;
  readonly #nodes: readonly Node[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** What streams warned of, by message. */
  readonly warnings = new Map<string, number>();

  /** Makes them as their kube-proxies find the cluster now. */
  constructor(plan: NodesPlan) {
    this.#plan = plan;
    const pool = new LeafPool();
    mkdirSync(plan.folder, { recursive: true });
    this.#nodes = Array.from({ length: plan.count }, (_, index) => this.#make(index, pool));
  }

  /** Begins to read and to stream. */
  start(): void {
    for (const { agent, stream } of this.#nodes) {
      this.#readLater(agent, this.#plan.random() * this.#plan.readEverySeconds);
      void stream.run();
    }
  }

  /** The node's kube-proxy, to be hung and restarted. */
  proxy(index: number): SimulatedKubeProxy {
    const node = this.#nodes[index];
    if (node === undefined) throw new Error(`there is no simulated node ${index}`);
    return node.proxy;
  }

  /** Readings of all agents so far. */
  get readings(): number {
    return this.#nodes.reduce((sum, { agent }) => sum + agent.readings, 0);
  }

  /** Streams that began after each agent's first. */
  get reconnects(): number {
    return this.#nodes.reduce((sum, { stream }) => sum + stream.counts.reconnects, 0);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { proxy } of this.#nodes) proxy.stop();
    await Promise.all(this.#nodes.map(({ stream }) => stream.stop()));
  }

  #make(index: number, pool: LeafPool): Node {
    const { cluster, aggregator, folder, random } = this.#plan;
    const name = nodeNameOf(index);
    const apiNode = cluster.nodes.get(name);
    if (apiNode === undefined) throw new Error(`the API has no ${name}`);
    const tokenFile = join(folder, name);
    writeFileSync(tokenFile, agentTokenOf(index), { mode: 0o600 });
    const profile = profileOf(index);
    const proxy = new SimulatedKubeProxy(apiNode, profile, { cluster, pool, random });
    const agent = new SimulatedAgent(profile, proxy);
    const stream = new AgentStream({
      source: agent,
      addresses: [aggregator.address],
      nodeName: name,
      agentVersion: '0.1.0',
      credentials: { tokenFile, caFile: aggregator.caFile, serverName: 'aggregator.test' },
      dialSpreadSeconds,
      log: { info: () => undefined, warn: (fields, message) => this.#note(fields, message) },
    });
    return { proxy, agent, stream };
  }

  #note(fields: object, message: string): void {
    const { reason, details }: { readonly reason?: unknown; readonly details?: unknown } = fields;
    const text = `${message}: ${String(reason ?? details ?? '')}`;
    this.warnings.set(text, (this.warnings.get(text) ?? 0) + 1);
  }

  #readLater(agent: SimulatedAgent, seconds: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      agent.read();
      this.#readLater(agent, this.#plan.readEverySeconds);
    }, seconds * 1000);
    this.#timers.add(timer);
  }
}
