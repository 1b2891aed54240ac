/** One run of the load: everything is started, driven and measured here, and ended in order. */
import { join } from 'node:path';
import { ApiClient } from '../../../aggregator/cluster/api-client.ts';
import { httpTransport } from '../../../aggregator/cluster/api-transport.ts';
import { ClusterStore } from '../../../aggregator/cluster/cluster-store.ts';
import { findAccess } from '../../../aggregator/cluster/find-access.ts';
import { systemTiming } from '../../../aggregator/cluster/timing.ts';
import { listen, type Listening } from '../../../cli/demo/api-server/listen.ts';
import { ApiStandIn } from '../../../cli/demo/api-server/stand-in.ts';
import type { ToldStep } from '../../e2e/aggregator-client.ts';
import { pause, until } from '../../e2e/until.ts';
import { randomFrom } from '../../../agent/node-iptables-parse/random.ts';
import type { Measure } from '../report.ts';
import { addNodes, agentIdentity, type ClusterSize, nodeNameOf } from './api-objects.ts';
import { Churn } from './churn.ts';
import { MeasuredAggregator } from './measured-aggregator.ts';
import { leastSeconds, measuresOf } from './measures.ts';
import { Progress } from './progress.ts';
import { SimulatedNodes } from './simulated-nodes.ts';

export interface LoadPlan {
  readonly size: ClusterSize;
  /** How long it is measured, once all agents are connected and all nodes healthy. */
  readonly seconds: number;
  readonly changesPerSecond: number;
  readonly folder: string;
  readonly profileFolder: string | null;
}

/** Agents read about as often as real ones do on a busy node. */
const readEverySeconds = 5;
const seed = 20_261_122;
const sampleEveryMs = 5000;
const tellEverySeconds = 30;
/** Of the run: one kube-proxy hangs from here to there. The grace of a large cluster is two minutes. */
const hangs = { from: 0.05, to: 0.4 };
const hungNode = 0;

interface Parts {
  readonly plan: LoadPlan;
  readonly api: Listening;
  readonly churn: Churn;
  readonly store: ClusterStore;
  readonly aggregator: MeasuredAggregator;
  readonly nodes: SimulatedNodes;
}

export class LoadRun {
  readonly #parts: Parts;
  readonly #steps: ToldStep[] = [];

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Makes the cluster and starts the aggregator; agents are not connected yet. */
  static async start(plan: LoadPlan): Promise<LoadRun> {
    const random = randomFrom(seed);
    const standIn = new ApiStandIn({ timing: systemTiming });
    addNodes(standIn, plan.size.nodes);
    const churn = Churn.begin(standIn, plan.size, random);
    const api = await listen(standIn);
    const aggregator = await MeasuredAggregator.start({
      folder: join(plan.folder, 'aggregator'),
      apiUrl: api.url,
      profileFolder: plan.profileFolder,
    });
    const store = await watchedCluster(join(plan.folder, 'aggregator/kubeconfig'));
    const nodes = new SimulatedNodes({
      count: plan.size.nodes,
      cluster: store,
      aggregator: { address: aggregator.agentAddress, caFile: aggregator.caFile },
      folder: join(plan.folder, 'tokens'),
      readEverySeconds,
      random,
    });
    return new LoadRun({ plan, api, churn, store, aggregator, nodes });
  }

  /** Connects the agents, drives the load for its time, and says what it came to. @param tell takes lines. */
  async measure(tell: (line: string) => void): Promise<readonly Measure[]> {
    const { plan, aggregator, nodes } = this.#parts;
    const connecting = performance.now();
    nodes.start();
    await this.#untilHealthy();
    tell(`all ${plan.size.nodes} nodes healthy after ${((performance.now() - connecting) / 1000).toFixed(0)} s`);
    await aggregator.client.follow(this.#steps);
    const progress = new Progress({ aggregator, nodes, churn: this.#parts.churn, nodeCount: plan.size.nodes });
    await this.#drive(progress, tell);
    await progress.tell();
    return measuresOf({
      progress,
      steps: this.#steps,
      seconds: plan.seconds,
      hungNode: plan.seconds < leastSeconds ? null : nodeNameOf(hungNode),
      openAtEnd: await aggregator.client.findings(),
    });
  }

  async stop(): Promise<void> {
    const { nodes, store, aggregator, api } = this.#parts;
    await nodes.stop();
    await aggregator.program.end('SIGTERM');
    await store.stop();
    await api.close();
  }

  async #untilHealthy(): Promise<void> {
    const { aggregator, plan } = this.#parts;
    await until({
      what: `all nodes to be found healthy; ${aggregator.program.lastLines(5)}`,
      seconds: 120 + plan.size.nodes / 10,
      look: () => aggregator.metrics(),
      met: (figures) => figures.sum('nodes', { state: 'healthy' }) === plan.size.nodes,
    });
  }

  async #drive(progress: Progress, tell: (line: string) => void): Promise<void> {
    const { churn, nodes, plan } = this.#parts;
    const rolling = setInterval(() => churn.write(), 1000 / plan.changesPerSecond);
    const sampling = setInterval(() => progress.sample(), sampleEveryMs);
    const hangsAtAll = plan.seconds >= leastSeconds;
    const at = (part: number, act: () => void): NodeJS.Timeout => setTimeout(act, plan.seconds * part * 1000);
    const acts = hangsAtAll
      ? [
          at(hangs.from, () => {
            nodes.proxy(hungNode).hang();
            tell(`kube-proxy of ${nodeNameOf(hungNode)} hangs`);
          }),
          at(hangs.to, () => {
            nodes.proxy(hungNode).restart();
            tell(`kube-proxy of ${nodeNameOf(hungNode)} is started anew`);
          }),
        ]
      : [];
    await progress.begin();
    const end = performance.now() + plan.seconds * 1000;
    while (performance.now() < end) {
      await pause(Math.min(tellEverySeconds * 1000, Math.max(0, end - performance.now())));
      tell(await progress.tell());
    }
    for (const timer of acts) clearTimeout(timer);
    clearInterval(rolling);
    clearInterval(sampling);
  }
}

/** What the simulated kube-proxies watch: the same objects by the same watches, in this process. */
async function watchedCluster(kubeconfig: string): Promise<ClusterStore> {
  const found = await findAccess({ kubeconfig, context: null, environment: {} }, systemTiming.monotonic);
  if (!found.ok) throw new Error(found.message);
  const store = new ClusterStore({
    client: new ApiClient(httpTransport(found.access), systemTiming),
    timing: systemTiming,
    agents: { namespace: agentIdentity.namespace, labelSelector: 'app.kubernetes.io/component=agent' },
    log: { warn: (_, message) => process.stderr.write(`${message}\n`) },
  });
  store.start();
  await until({
    what: 'the watches of the stand-in',
    seconds: 30,
    look: () => (['services', 'endpointslices', 'nodes'] as const).map((kind) => store.health(kind)),
    met: (healths) => healths.every(({ fresh }) => fresh),
  });
  return store;
}
