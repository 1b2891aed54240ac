/**
 * What every node of a large cluster should do, worked out: `node --expose-gc desired-book.ts` prints one line of JSON
 * (BookCosts). The nodes are of one kind, and differ by name and addresses; every fiftieth Service with a node port has a
 * Local policy.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { randomFrom } from '../../agent/node-iptables-parse/random.ts';
import { DesiredBook } from '../../aggregator/audit/desired-book.ts';
import type { EndpointSlice, Service } from '../../aggregator/model/cluster.ts';
import { profileOf } from './load/agent.ts';
import { nodeNameOf } from './load/api-objects.ts';
import { loadedObjects, withSlices } from './load/loaded-cluster.ts';

export interface BookCosts {
  /** The tables of all nodes, for the first time; CPU. */
  readonly allTablesMs: number;
  /** After one Service changed, all of them again. */
  readonly oneChangeMs: number;
  /** Of the tables and all that is remembered for them, the API's objects included. */
  readonly heapMiB: number;
  /** What one further past state of a Service takes while it can be asked for at once, and after it was folded. */
  readonly newPastStateBytes: number;
  readonly oldPastStateBytes: number;
}

const size = { nodes: 5000, services: 10_000, endpoints: 5 };
/** More than are kept ready, so that the first ones are folded. */
const changes = 60_000;
const changesOfEach = 20;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function cpuMs(act: () => void): number {
  const start = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** The same slice after one pod was replaced. */
function changed(slice: EndpointSlice, number: number): EndpointSlice {
  const endpoints = slice.endpoints.map((endpoint, index) =>
    index === number % slice.endpoints.length ? { ...endpoint, ready: !endpoint.ready } : endpoint,
  );
  return { ...slice, endpoints };
}

const state = loadedObjects(size, randomFrom(1));
const book = new DesiredBook({ historyHours: 24, maxPast: 500_000 });
const before = heapBytes();
let now = 1;
const all = new Map(withSlices(state));
for (const [key, [service, slices]] of all) book.setService(key, service, slices, now);
book.relisted('services', now);
book.relisted('endpointslices', now);
for (const [index, apiNode] of state.nodes.entries())
  book.setNode(apiNode.name, { apiNode, profile: profileOf(index) });

function allTables(): void {
  for (let index = 0; index < size.nodes; index++) book.desired(nodeNameOf(index));
}

function change(key: string, number: number): void {
  const [service, slices]: readonly [Service, readonly EndpointSlice[]] = all.get(key) ?? noService(key);
  const after = slices.map((slice) => changed(slice, number));
  all.set(key, [service, after]);
  book.setService(key, service, after, ++now);
}

function noService(key: string): never {
  throw new Error(`there is no ${key}`);
}

const allTablesMs = cpuMs(allTables);
const heapMiB = (heapBytes() - before) / 1024 / 1024;
const keys = [...all.keys()];
const oneChangeMs = cpuMs(() => {
  change(keys[1] ?? '', 0);
  allTables();
});
const grown = [heapBytes()];
for (let number = 0; number < changes; number++) {
  change(keys[number % (changes / changesOfEach)] ?? '', number);
  if (number % 10 === 0) book.desired(nodeNameOf(number % size.nodes));
  if ((number + 1) % (changes / 6) === 0) grown.push(heapBytes());
}
const risen = (from: number): number => ((grown[from + 1] ?? 0) - (grown[from] ?? 0)) / (changes / 6);
const costs: BookCosts = {
  allTablesMs,
  oneChangeMs,
  heapMiB,
  newPastStateBytes: risen(1),
  oldPastStateBytes: risen(5),
};
process.stdout.write(`${JSON.stringify(costs)}\n`);
