/**
 * What it costs the engine to judge reports: `node look-costs.ts` prints one line of JSON (LookCosts). Reports come from
 * fake feeds, so nothing of the network is in it.
 */
import { randomFrom } from '../../agent/node-iptables-parse/random.ts';
import { DesiredBook } from '../../aggregator/audit/desired-book.ts';
import { checks } from '../../aggregator/checks/index.ts';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import { Engine } from '../../aggregator/engine/engine.ts';
import { memoryJournal } from '../memory-journal.ts';
import { FakeAgents } from '../engine/fake-feeds.ts';
import { reading as nodeReading } from '../reading-builders.ts';
import { until } from '../e2e/until.ts';
import { profileOf } from './load/agent.ts';
import { loadedFeed, loadedObjects, withSlices } from './load/loaded-cluster.ts';

export interface LookCosts {
  /** A report that says the same as the one before; per node. */
  readonly unchangedMs: number;
  /** A report of a node that followed the change of one Service. */
  readonly followedMs: number;
}

const size = { nodes: 1000, services: 5000, endpoints: 10 };
const { now, later } = systemTiming;
const anHourAgo = (): number => now() - 3_600_000;

const state = loadedObjects(size, randomFrom(1));
const cluster = loadedFeed(state, anHourAgo);
const agents = new FakeAgents();
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const engine = new Engine({ cluster, journal: memoryJournal(), checks, log, now, later });
engine.start(agents);
cluster.relisted('services');
cluster.relisted('endpointslices');
/** What the nodes do: another book says it, for the formula is the same. */
const nodes = new DesiredBook({ historyHours: 1, maxPast: 1 });
for (const [key, [service, slices]] of withSlices(state)) nodes.setService(key, service, slices, 1);
const profiles = state.nodes.map((apiNode, index) => {
  const profile = profileOf(index);
  nodes.setNode(apiNode.name, { apiNode, profile });
  return profile;
});
let reading = 0;
const { parts } = nodeReading(1);

/** All nodes report. @returns milliseconds of looks and checks per node. */
async function reported(): Promise<number> {
  const before = evaluations();
  reading++;
  for (const [index, { name }] of state.nodes.entries()) {
    const profile = profiles[index];
    if (profile === undefined) continue;
    const report = { node: name, reading: `epoch/${reading}`, readAt: now(), profile, parts };
    const table = nodes.desired(name)?.table ?? null;
    agents.say({ kind: 'report', sequence: BigInt(reading), report: { ...report, table, ownerHint: () => null } });
  }
  const after = await until({
    what: 'all reports to be judged',
    seconds: 120,
    look: evaluations,
    met: ({ waiting, count }) => waiting === 0 && count >= before.count + size.nodes,
  });
  return ((after.seconds - before.seconds) / (after.count - before.count)) * 1000;
}

function evaluations(): { readonly count: number; readonly seconds: number; readonly waiting: number } {
  const value = (name: string): number => engine.figures().find((figure) => figure.name === name)?.value ?? 0;
  return {
    count: value('plumbline_evaluations_total'),
    seconds: value('plumbline_evaluation_seconds_total'),
    waiting: value('plumbline_dirty_nodes'),
  };
}

function changeOneService(): void {
  const [[key, [service, slices]] = noService()] = withSlices(state);
  const after = slices.map((slice) => ({ ...slice, endpoints: slice.endpoints.slice(1) }));
  nodes.setService(key, service, after, 2);
  cluster.setSlices(key, after);
}

function noService(): never {
  throw new Error('there is no Service');
}

await reported();
await reported();
const unchangedMs = await reported();
changeOneService();
const followedMs = await reported();
engine.stop();
const open = engine.findings().length;
if (open > 0) throw new Error(`${open} findings on nodes in sync`);
const costs: LookCosts = { unchangedMs, followedMs };
process.stdout.write(`${JSON.stringify(costs)}\n`);
