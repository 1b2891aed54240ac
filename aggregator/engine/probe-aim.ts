/**
 * Tells agents what to probe: others every five minutes, and meanwhile where something about their peers has changed. A
 * part of the nodes each second, since thousands at once would hold up everything else.
 */
import { MatrixTargets, openTargets } from '../audit/matrix-targets.ts';
import { type ProbeFleet, ProbeTargets, probeRing } from '../audit/probe-targets.ts';
import type { ProbeRing } from '../audit/probe-ring.ts';
import type { Peers } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { ClusterFeed, ProbeTarget } from '../model/feeds.ts';

export interface ProbeAimOptions {
  readonly cluster: ClusterFeed;
  readonly objects: ClusterObjects;
  readonly peers: Peers;
  readonly largestPacketTo: ProbeFleet['largestPacketTo'];
  /** Unix ms. */
  readonly now: () => number;
}

const rotationMs = 5 * 60_000;
/** Up to so many nodes all probe each other: one more changes nothing for the others. */
const smallRing = 9;
/** Within a rotation targets are worked out anew so often: peers come, go, and change their addresses. */
const lookEveryMs = 30_000;
/** Most of the cost is to index the routes of a node for the first time, 0.7 ms for 2,000 of them. */
const nodesAtATime = 100;
/** What an agent takes. */
const mostTargets = 64;

interface Told {
  readonly rotation: number;
  readonly text: string;
}

export class ProbeAim {
  readonly #options: ProbeAimOptions;
  readonly #told = new Map<string, Told>();
  #rotation = -1;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Kept for a rotation: a node more would give everybody other peers. */
  #ring: ProbeRing | null = null;
  #targets: ProbeTargets | null = null;
  #matrixTargets: MatrixTargets | null = null;
  /** Nodes whose turn in this look is still to come. */
  #waiting: readonly string[] = [];

  constructor(options: ProbeAimOptions) {
    this.#options = options;
  }

  /** What is to be told now, to be called once a second. Each rotation everybody is told, so that no agent forgets. */
  due(): ReadonlyMap<string, readonly ProbeTarget[]> {
    const { cluster, now } = this.#options;
    const due = new Map<string, readonly ProbeTarget[]>();
    if (!cluster.health('nodes').fresh) return due;
    const rotation = Math.floor(now() / rotationMs);
    const isDue = this.#waiting.length === 0 && now() - this.#lookedAt >= lookEveryMs;
    if (rotation !== this.#rotation || isDue) this.#look(rotation);
    for (const name of this.#waiting.slice(0, nodesAtATime)) {
      const peers = this.#targets?.of(name, this.#ring?.peersOf(name, rotation) ?? []) ?? [];
      const targets = [...peers, ...(this.#matrixTargets?.of(name) ?? [])].slice(0, mostTargets);
      const text = JSON.stringify(targets);
      const told = this.#told.get(name);
      // Who never had a target needs not be told that there is none.
      if (told === undefined ? targets.length === 0 : told.rotation === rotation && told.text === text) continue;
      this.#told.set(name, { rotation, text });
      due.set(name, targets);
    }
    this.#waiting = this.#waiting.slice(nodesAtATime);
    return due;
  }

  #look(rotation: number): void {
    const { cluster, objects, peers, largestPacketTo, now } = this.#options;
    const at = now();
    this.#ring = this.#ringOf(rotation, probeRing(cluster.nodes.values(), at));
    this.#rotation = rotation;
    this.#lookedAt = at;
    const fleet: ProbeFleet = {
      nodes: cluster.nodes,
      parts: (name) => peers.parts(name),
      podsOn: (name) => (cluster.health('pods').fresh ? cluster.podsOn(name) : []),
      apiServers: cluster
        .slicesOf('default/kubernetes')
        .flatMap(({ endpoints }) => endpoints.map((one) => one.address)),
      largestPacketTo,
    };
    this.#targets = new ProbeTargets(fleet, at);
    const probing = [...cluster.nodes.keys()].filter((name) => peers.parts(name)?.probes.state === 'ok').sort();
    this.#matrixTargets = new MatrixTargets(openTargets(objects), probing, rotation);
    for (const name of this.#told.keys()) if (!cluster.nodes.has(name)) this.#told.delete(name);
    this.#waiting = [...cluster.nodes.keys()];
  }

  /** As it was when the rotation began, unless most of the nodes have come since: as in a cluster that starts. */
  #ringOf(rotation: number, now: ProbeRing): ProbeRing {
    const before = this.#ring;
    const isStanding = before !== null && rotation === this.#rotation && now.size > smallRing;
    return isStanding && before.size * 2 > now.size ? before : now;
  }
}
