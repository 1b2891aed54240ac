/** An engine with simulated nodes and Services that roll, in virtual time. */
import { checks } from '../../aggregator/checks/index.ts';
import { Engine } from '../../aggregator/engine/engine.ts';
import type { TrackedFinding, Transition } from '../../aggregator/model/lifecycle.ts';
import { type MemoryJournal, memoryJournal } from '../memory-journal.ts';
import { FakeAgents, FakeCluster } from './fake-feeds.ts';
import { RollingService } from './rollouts.ts';
import { type SimulatedMode, SimulatedNode } from './simulated-node.ts';
import { VirtualTime } from './virtual-time.ts';

export interface SimulationSize {
  readonly nodes: number;
  readonly services: number;
  readonly seed: number;
  /** The modes of the nodes' kube-proxies, in turn. */
  readonly modes?: readonly SimulatedMode[];
  /** What agents read, see SimulationOptions. */
  readonly reads?: 'fates' | 'text';
}

/** A step of a finding's life, with the finding as it was told then. */
export interface Told {
  readonly transition: Transition;
  readonly finding: TrackedFinding | null;
}

export interface Simulation {
  readonly time: VirtualTime;
  readonly cluster: FakeCluster;
  readonly agents: FakeAgents;
  readonly engine: Engine;
  readonly nodes: readonly SimulatedNode[];
  readonly services: readonly RollingService[];
  readonly random: () => number;
  readonly journal: MemoryJournal;
  /** Everything that was ever told. */
  readonly told: readonly Told[];
}

/** Makes it, and lets it come to rest. */
export function simulate({ modes = ['iptables'], seed, reads = 'fates', ...size }: SimulationSize): Simulation {
  const time = new VirtualTime('2026-11-22T08:00:00Z');
  const random = randomFrom(seed);
  const cluster = new FakeCluster(time.now);
  const agents = new FakeAgents();
  const names = Array.from({ length: size.nodes }, (_, index) => `node-${index + 1}`);
  const services = Array.from({ length: size.services }, (_, index) => {
    return new RollingService(index + 1, { time, cluster, random, nodes: names });
  });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const journal = memoryJournal();
  const engine = new Engine({ cluster, journal, checks, log, now: time.now, later: time.later });
  const told: Told[] = [];
  engine.subscribe((event) => {
    if (event.kind === 'finding') told.push({ transition: event.transition, finding: event.finding });
  });
  engine.start(agents);
  const nodes = names.map((name, index) => {
    const mode = modes[index % modes.length] ?? 'iptables';
    return new SimulatedNode(name, `192.168.100.${index + 11}`, { time, cluster, agents, random, mode, reads });
  });
  cluster.relisted('services');
  cluster.relisted('endpointslices');
  time.pass(120);
  return { time, cluster, agents, engine, nodes, services, random, journal, told };
}

/** Numbers from 0 to 1, always the same for a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
