/**
 * A whole Plumbline for a test: an API server's stand-in in this process, the aggregator and an agent for each node as
 * processes of their own, joined by HTTP and by gRPC over unix sockets.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import { listen, type Listening } from '../../cli/demo/api-server/listen.ts';
import { loadRecordedLists } from '../../cli/demo/api-server/recorded-objects.ts';
import { ApiStandIn } from '../../cli/demo/api-server/stand-in.ts';
import { touchObjects } from '../../cli/demo/demo-cluster.ts';
import { recordingFolder } from '../recordings.ts';
import { AggregatorClient } from './aggregator-client.ts';
import { type KernelNode, openKernelNode } from './kernel-node.ts';
import { type Ending, plumbline, Program } from './programs.ts';
import { endpointsOf, type RuledEndpoint, withoutFirstEndpoint } from './kube-proxy-rules.ts';
import { openRecordedNode } from './recorded-node.ts';
import type { TestNode } from './test-node.ts';
import { until } from './until.ts';

const recording = 's1-healthy';
/** As recorded: node-a writes iptables-nft, node-b iptables-legacy. */
const backends = { 'node-a': 'nft', 'node-b': 'legacy' } as const;
export type NodeName = keyof typeof backends;

export interface ClusterPlan {
  /** Short: it is a part of the names of namespaces. */
  readonly name: string;
  /** Where the rules of the nodes are. */
  readonly nodes: 'kernel' | 'recorded';
  /** Nodes of the API that have no agent: `node-c`. */
  readonly without?: readonly string[];
  /** The resolv.conf that kubelets give the agents' pods, of nodes with a kernel; absent: the machine's own. */
  readonly resolvConf?: string;
}

export class Cluster<N extends TestNode = TestNode> {
  readonly api: ApiStandIn;
  readonly client: AggregatorClient;
  readonly folder: string;
  readonly nodes: { readonly [name in NodeName]: N };
  readonly #apiListening: Listening;
  readonly #programs: Program[] = [];
  readonly #agents = new Map<NodeName, Program>();
  #aggregator: Program | null = null;

  constructor(parts: Pick<Cluster<N>, 'api' | 'client' | 'folder' | 'nodes'>, apiListening: Listening) {
    this.api = parts.api;
    this.client = parts.client;
    this.folder = parts.folder;
    this.nodes = parts.nodes;
    this.#apiListening = apiListening;
    writeFileSync(join(this.folder, 'kubeconfig'), kubeconfigFor(apiListening.url));
  }

  get aggregator(): Program {
    if (this.#aggregator === null) throw new Error('the aggregator was not started');
    return this.#aggregator;
  }

  /** @param options beside those of any aggregator of this cluster. */
  startAggregator(options: readonly string[] = []): Program {
    const sockets = Object.keys(backends).flatMap((node) => ['--agent-socket', `${node}=${this.#socket(node)}`]);
    const all = [...this.aggregatorOptions(), ...sockets, ...options];
    this.#aggregator = this.start('aggregator', [plumbline, 'aggregator', ...all]);
    return this.#aggregator;
  }

  /** What any aggregator of this cluster is started with, but its agents. */
  aggregatorOptions(): readonly string[] {
    return [
      ...['--kubeconfig', join(this.folder, 'kubeconfig')],
      ...['--listen-http', new URL(this.client.url).host, '--auth', 'none'],
      ...['--data-dir', join(this.folder, 'journal')],
    ];
  }

  startAgent(name: NodeName): Program {
    const node = this.nodes[name];
    const address = `unix:${this.#socket(name)}`;
    // No wire joins these nodes.
    const options = ['--node-name', name, '--aggregator', address, '--dial-spread', '0', '--probes', 'none'];
    const command = [...node.enter, plumbline, 'agent', ...options, ...node.agentOptions];
    const agent = this.start(`agent of ${name}`, command);
    this.#agents.set(name, agent);
    return agent;
  }

  agent(name: NodeName): Program {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error(`the agent of ${name} was not started`);
    return agent;
  }

  /** Starts another program that ends with the cluster. Its log is the one of its name. */
  start(name: string, [program = '', ...args]: readonly string[], folder = this.folder): Program {
    const logFile = join(this.folder, `${name.replaceAll(/\W+/g, '-')}.log`);
    const started = new Program({ name, command: [program, ...args], logFile, folder });
    this.#programs.push(started);
    return started;
  }

  /** Starts all that is missing, and waits until both nodes are found healthy. @param options of the aggregator. */
  async startAll(options: readonly string[] = []): Promise<void> {
    for (const { companions, folder } of Object.values<TestNode>(this.nodes)) {
      for (const { name, command } of companions) this.start(name, command, folder);
    }
    this.startAggregator(options);
    for (const name of nodeNames) this.startAgent(name);
    await this.untilHealthy();
  }

  async untilHealthy(): Promise<void> {
    await until({
      what: 'both nodes to be found healthy',
      seconds: 40,
      look: () => this.client.nodes(),
      met: (seen) => nodeNames.every((name) => seen.find((node) => node.name === name)?.state === 'healthy'),
    });
  }

  async endAggregator(signal: 'SIGTERM' | 'SIGKILL'): Promise<Ending> {
    return this.aggregator.end(signal);
  }

  /**
   * The API loses the first endpoint of a Service that has one port, and the kube-proxies of these nodes follow.
   * @param port as rules name it: `shop/web`, `edge/ext-ip:http`.
   * @returns the endpoint as the rules had it.
   */
  loseEndpoint(port: string, followers: readonly NodeName[]): RuledEndpoint {
    const [lost] = endpointsOf(this.nodes['node-b'].rules(), port);
    const [service = ''] = port.split(':');
    const [namespace, name] = service.split('/');
    const slice = this.api
      .objects('endpointslices')
      .find(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[sliceLabel] === name);
    if (slice === undefined || lost === undefined) throw new Error(`${service} has no endpoint`);
    const endpoints = listOf(slice.endpoints).filter((each) => !JSON.stringify(each).includes(`"${lost.address}"`));
    this.api.apply('endpointslices', { ...slice, endpoints });
    for (const follower of followers) {
      const node = this.nodes[follower];
      node.write(withoutFirstEndpoint(node.rules(), port));
      node.tellSync();
    }
    return lost;
  }

  /** Something of no consequence changes, as it does all the time where people work. */
  touch(): void {
    touchObjects(this.api);
  }

  /** The last lines of every program, for the report of a failure. */
  logs(): string {
    return this.#programs.map((program) => program.lastLines(25)).join('\n');
  }

  /** Prints what there is to know of a failure: those lines, and nodes and findings as they are. */
  async tellAll(): Promise<void> {
    const [nodes, findings] = await Promise.allSettled([this.client.nodes(), this.client.findings()]);
    console.error(`${this.logs()}\n${inspect({ nodes, findings }, { depth: 6 })}`);
  }

  /** Ends all that was started and removes all that was made. */
  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.end('SIGKILL')));
    await this.#apiListening.close();
    for (const node of Object.values<TestNode>(this.nodes)) await node.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #socket(node: string): string {
    return join(this.folder, `${node}.sock`);
  }
}

export const nodeNames: readonly NodeName[] = ['node-a', 'node-b'];
const sliceLabel = 'kubernetes.io/service-name';

/** A cluster as it was recorded, with all that belongs to it, not started yet. */
export async function openCluster(plan: ClusterPlan & { readonly nodes: 'kernel' }): Promise<Cluster<KernelNode>>;
export async function openCluster(plan: ClusterPlan): Promise<Cluster>;
export async function openCluster({ name, nodes: kind, without = [], resolvConf }: ClusterPlan): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), `plumbline-test-${name}-`));
  const api = recordedApi([...nodeNames, ...without]);
  const made: TestNode[] = [];
  const make = (node: NodeName): TestNode => {
    const own = join(folder, node);
    mkdirSync(own);
    const plan = {
      name: node,
      backend: backends[node],
      recording: join(recordingFolder(recording), node),
      folder: own,
    };
    const opened = kind === 'kernel' ? openKernelNode({ ...plan, cluster: name, resolvConf }) : openRecordedNode(plan);
    made.push(opened);
    return opened;
  };
  try {
    const nodes = { 'node-a': make('node-a'), 'node-b': make('node-b') };
    const client = new AggregatorClient(`http://127.0.0.1:${await freePort()}`);
    return new Cluster({ api, client, folder, nodes }, await listen(api));
  } catch (cause) {
    for (const node of made) await node.close();
    rmSync(folder, { recursive: true, force: true });
    throw cause;
  }
}

/** The recorded objects with these nodes only, which joined an hour ago. */
function recordedApi(names: readonly string[]): ApiStandIn {
  const api = new ApiStandIn({ timing: systemTiming });
  loadRecordedLists(api, join(recordingFolder(recording), 'api'));
  const creationTimestamp = new Date(Date.now() - 3_600_000).toISOString();
  for (const node of api.objects('nodes')) {
    if (names.includes(node.metadata.name)) {
      api.apply('nodes', { ...node, metadata: { ...node.metadata, creationTimestamp } });
    } else api.remove('nodes', node.metadata.name);
  }
  return api;
}

/**
 * Kept from one start of the aggregator to the next, so it is chosen here and not by the kernel at each: below the ports
 * that connections get, or one of those could have it while the aggregator is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

function kubeconfigFor(server: string): string {
  const context = { cluster: 'test', user: 'test' };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context }],
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
