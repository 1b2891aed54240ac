/**
 * A kube-proxy that hears of changes by two watches with delays of their own, waits, and writes the Services that changed
 * (pkg/proxy: BoundedFrequencyRunner, partial sync). The desired formula stands for what a correct one writes: this is
 * about load and time; that the formula is kube-proxy's is shown by other tests.
 */
import { desiredState } from '../../../aggregator/audit/desired.ts';
import type { ClusterNode, EndpointSlice, Service } from '../../../aggregator/model/cluster.ts';
import type { ClusterFeed } from '../../../aggregator/model/feeds.ts';
import { emptyLeaf, type Leaf, leafCount, leafIndexOf } from '../../../proto/bucket-tree.ts';
import type { Entry, FrontendKey } from '../../../proto/forwarding.ts';
import type { NodeProfile } from '../../../proto/profile.ts';
import type { LeafPool } from './leaf-pool.ts';

export interface ProxySurroundings {
  readonly cluster: ClusterFeed;
  readonly pool: LeafPool;
  readonly random: () => number;
}

interface Heard {
  readonly at: number;
  readonly take: () => void;
}

type Watch = 'services' | 'slices';

const minSyncMs = 1000;
const longestDelayMs = 2500;

/** One node's. Its table is kept as leaves, which nodes share where they are alike. */
export class SimulatedKubeProxy {
  readonly #node: ClusterNode;
  readonly #profile: NodeProfile;
  readonly #around: ProxySurroundings;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, readonly EndpointSlice[]>();
  readonly #written = new Map<string, readonly FrontendKey[]>();
  readonly #owners = new Map<FrontendKey, string>();
  readonly #pending = new Set<string>();
  readonly #heard: { readonly [watch in Watch]: Heard[] } = { services: [], slices: [] };
  #leaves: readonly Leaf[] = Array.from({ length: leafCount }, () => emptyLeaf);
  #timer: NodeJS.Timeout | null = null;
  #lastSync = 0;
  #changes = 0;
  #hangs = false;

  constructor(node: ClusterNode, profile: NodeProfile, around: ProxySurroundings) {
    this.#node = node;
    this.#profile = profile;
    this.#around = around;
    around.cluster.subscribe((change) => {
      if (change.kind === 'service') this.#hear(change.key);
    });
    this.restart();
  }

  /** What the kernel does; the same list until something in it changes. */
  get leaves(): readonly Leaf[] {
    return this.#leaves;
  }

  /** Unix ms. */
  get lastSync(): number {
    return this.#lastSync;
  }

  /** Changes of endpoints that it has heard of. */
  get changes(): number {
    return this.#changes;
  }

  ownerOf(key: FrontendKey): string | null {
    return this.#owners.get(key) ?? null;
  }

  /** Its watches stay open and say nothing any more. */
  hang(): void {
    this.#hangs = true;
    this.#heard.services.length = 0;
    this.#heard.slices.length = 0;
  }

  /** Lists everything and writes it at once. */
  restart(): void {
    const { cluster } = this.#around;
    this.#hangs = false;
    const keys = new Set([...this.#services.keys(), ...cluster.services.keys()]);
    for (const key of keys) {
      this.#takeService(key, cluster.services.get(key));
      this.#slices.set(key, cluster.slicesOf(key));
    }
    this.#write([...keys]);
    this.#lastSync = Date.now();
  }

  /** Somebody edits the rules of one frontend; null = and takes them away. */
  damage(key: FrontendKey, change: (entry: Entry) => Entry | null): void {
    const index = leafIndexOf(key);
    const entries = new Map(this.#leaves[index]?.entries);
    const entry = entries.get(key);
    const changed = entry === undefined ? null : change(entry);
    if (changed === null) entries.delete(key);
    else entries.set(key, changed);
    this.#leaves = this.#leaves.with(index, this.#around.pool.leafOf(entries));
  }

  stop(): void {
    this.#hangs = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #hear(key: string): void {
    if (this.#hangs) return;
    const { cluster } = this.#around;
    const service = cluster.services.get(key);
    const slices = cluster.slicesOf(key);
    this.#deliver('services', () => this.#takeService(key, service), key);
    this.#deliver('slices', () => this.#slices.set(key, slices), key);
    this.#changes++;
    this.#syncLater();
  }

  /** In order, each with a delay of its own. */
  #deliver(watch: Watch, take: () => void, key: string): void {
    const queue = this.#heard[watch];
    const earliest = Date.now() + 10 + this.#around.random() ** 3 * longestDelayMs;
    const at = Math.max(queue.at(-1)?.at ?? 0, earliest);
    queue.push({
      at,
      take: () => {
        take();
        this.#pending.add(key);
      },
    });
  }

  #takeService(key: string, service: Service | undefined): void {
    if (service === undefined) this.#services.delete(key);
    else this.#services.set(key, service);
  }

  /** minSyncPeriod is a second, and writing takes up to another. */
  #syncLater(): void {
    if (this.#timer !== null) return;
    const first = Math.min(...Object.values(this.#heard).map(([next]) => next?.at ?? Number.POSITIVE_INFINITY));
    if (first === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(first, this.#lastSync + minSyncMs) - Date.now();
    this.#timer = setTimeout(() => this.#sync(), Math.max(0, wait) + 30 + this.#around.random() * 900);
  }

  #sync(): void {
    this.#timer = null;
    const now = Date.now();
    for (const queue of Object.values(this.#heard)) {
      const due = queue.findIndex(({ at }) => at > now);
      for (const { take } of queue.splice(0, due < 0 ? queue.length : due)) take();
    }
    if (this.#pending.size > 0) {
      this.#write([...this.#pending]);
      this.#pending.clear();
      this.#lastSync = now;
    }
    this.#syncLater();
  }

  #write(keys: readonly string[]): void {
    const changed = new Map<number, Map<FrontendKey, Entry>>();
    const leafOf = (key: FrontendKey): Map<FrontendKey, Entry> => {
      const index = leafIndexOf(key);
      const entries = changed.get(index) ?? new Map(this.#leaves[index]?.entries);
      changed.set(index, entries);
      return entries;
    };
    for (const key of keys) {
      for (const frontend of this.#written.get(key) ?? []) leafOf(frontend).delete(frontend);
      const { table, owners } = this.#wanted(key);
      for (const [frontend, entry] of table) {
        leafOf(frontend).set(frontend, entry);
        const owner = owners.get(frontend);
        if (owner !== undefined) this.#owners.set(frontend, `${owner.namespace}/${owner.name}:${owner.portName}`);
      }
      this.#written.set(key, [...table.keys()]);
    }
    const leaves = [...this.#leaves];
    for (const [index, entries] of changed) leaves[index] = this.#around.pool.leafOf(entries);
    this.#leaves = leaves;
  }

  #wanted(key: string): ReturnType<typeof desiredState> {
    const service = this.#services.get(key);
    const state = {
      services: service === undefined ? [] : [service],
      endpointSlices: this.#slices.get(key) ?? [],
      nodes: [this.#node],
    };
    return desiredState(state, { name: this.#node.name, zone: this.#node.zone, profile: this.#profile });
  }
}
