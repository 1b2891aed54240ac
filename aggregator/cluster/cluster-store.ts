/** The API's objects of this moment, held by one watch for each kind, and what tells of their changes. */
import type { ClusterNode, EndpointSlice, Service } from '../model/cluster.ts';
import type { AgentPod, ClusterChange, ClusterFeed, WatchedKind, WatchHealth } from '../model/feeds.ts';
import type { Figure } from '../model/record.ts';
import { AgentPods } from './agent-pods.ts';
import type { ApiClient } from './api-client.ts';
import { FollowedKind } from './followed-kind.ts';
import { Names } from './names.ts';
import type { ObjectChange } from './object-table.ts';
import { SliceIndex } from './slice-index.ts';
import type { Timing } from './timing.ts';
import { watchFigures } from './watch-figures.ts';
import {
  agentPodResource,
  endpointSliceResource,
  nodeResource,
  serviceResource,
  type WatchedResource,
} from './watched-resource.ts';

export interface ClusterStoreOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  /** Which pods are agents: their labels, in the namespace of the release. */
  readonly agents: { readonly namespace: string; readonly labelSelector: string };
  readonly log: { warn(fields: object, message: string): void };
}

type AnyKind = Pick<FollowedKind<unknown>, 'of' | 'run' | 'stop' | 'health' | 'state'>;

export class ClusterStore implements ClusterFeed {
  /** The agents' pods, by UID. */
  readonly agentPods: AgentPods;
  readonly #options: ClusterStoreOptions;
  readonly #services: FollowedKind<Service>;
  readonly #slices: FollowedKind<EndpointSlice>;
  readonly #nodes: FollowedKind<ClusterNode>;
  readonly #pods: FollowedKind<AgentPod>;
  readonly #index = new SliceIndex();
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  #running: Promise<unknown> | null = null;

  constructor(options: ClusterStoreOptions) {
    this.#options = options;
    const { client, agents } = options;
    const names = new Names();
    const pods = agentPodResource(agents.namespace, agents.labelSelector);
    this.agentPods = new AgentPods(client, pods);
    this.#services = this.#kind(serviceResource, (changes) => {
      for (const { key } of changes) this.#tellService(key);
    });
    this.#slices = this.#kind(
      endpointSliceResource,
      (changes) => this.#takeSlices(changes),
      (slice) => names.inSlice(slice),
    );
    this.#nodes = this.#kind(nodeResource, (changes) => {
      for (const { key } of changes) this.#tell({ kind: 'node', name: key, at: options.timing.now() });
    });
    this.#pods = this.#kind(pods, (changes) => this.agentPods.take(changes));
  }

  get services(): ReadonlyMap<string, Service> {
    return this.#services.objects;
  }

  get nodes(): ReadonlyMap<string, ClusterNode> {
    return this.#nodes.objects;
  }

  slicesOf(serviceKey: string): readonly EndpointSlice[] {
    return this.#index.of(serviceKey);
  }

  health(kind: WatchedKind): WatchHealth {
    return (
      this.#all()
        .find(({ of }) => of === kind)
        ?.health() ?? { fresh: false, because: 'not watched', ageMs: 0 }
    );
  }

  subscribe(listener: (change: ClusterChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins all watches. */
  start(): void {
    this.#running ??= Promise.all(this.#all().map((kind) => kind.run()));
  }

  /** Ends all watches and waits for it. */
  async stop(): Promise<void> {
    for (const kind of this.#all()) kind.stop();
    await this.#running;
  }

  figures(): readonly Figure[] {
    return watchFigures(this.#all().map((kind) => kind.state()));
  }

  #kind<T>(
    resource: WatchedResource<T>,
    changed: (changes: readonly ObjectChange<T>[]) => void,
    compact?: (object: T) => T,
  ): FollowedKind<T> {
    const { client, timing, log } = this.#options;
    const of = resource.of;
    return new FollowedKind({
      client,
      resource,
      timing,
      warn: (message) => log.warn({ kind: of }, message),
      changed,
      relisted: () => this.#tell({ kind: 'relisted', of, at: timing.now() }),
      healthChanged: () => this.#tell({ kind: 'health', of, at: timing.now() }),
      ...(compact === undefined ? {} : { compact }),
    });
  }

  #all(): readonly AnyKind[] {
    return [this.#services, this.#slices, this.#nodes, this.#pods];
  }

  /** A slice's change is one of its Service: of both, where it went from one to another. */
  #takeSlices(changes: readonly ObjectChange<EndpointSlice>[]): void {
    const touched = new Set(changes.flatMap(({ before, after }) => this.#index.change(before, after)));
    for (const key of touched) this.#tellService(key);
  }

  #tellService(key: string): void {
    this.#tell({ kind: 'service', key, at: this.#options.timing.now() });
  }

  #tell(change: ClusterChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
