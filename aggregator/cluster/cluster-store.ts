/**
 * The API's objects of this moment, held by one watch for each kind, and what tells of their changes.
 *
 * The agents' pods have a watch of their own beside that of all pods: whether an agent is let in must not hang on the
 * largest list of the API, on a right to read the pods of every namespace, or on any single pod that cannot be read. It
 * costs some 300 bytes for each node.
 */
import type {
  ClusterNode,
  ClusterSnapshot,
  DnsConfiguration,
  EndpointSlice,
  Namespace,
  Pod,
  PodEvent,
  Service,
} from '../model/cluster.ts';
import type { Address } from '../../proto/address.ts';
import type { AgentPod, ClusterChange, ClusterFeed, WatchedKind, WatchHealth } from '../model/feeds.ts';
import type { ForeignPolicy, NetworkPolicy } from '../model/policy.ts';
import type { Figure } from '../model/record.ts';
import { AgentPods } from './agent-pods.ts';
import type { ApiClient } from './api-client.ts';
import {
  dnsConfigurationQuestions,
  dnsConfigurationsEveryMs,
  foreignPoliciesEveryMs,
  foreignPolicyQuestions,
} from './asked-kinds.ts';
import { AskedObjects } from './asked-objects.ts';
import { FollowedKind } from './followed-kind.ts';
import { Names } from './names.ts';
import type { ObjectChange } from './object-table.ts';
import { PodEvents } from './pod-events.ts';
import { PodIndex } from './pod-index.ts';
import { SliceIndex } from './slice-index.ts';
import type { Timing } from './timing.ts';
import { watchFigures } from './watch-figures.ts';
import {
  agentPodResource,
  endpointSliceResource,
  namespaceResource,
  networkPolicyResource,
  nodeResource,
  podEventResource,
  podResource,
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
  readonly #pods: FollowedKind<Pod>;
  readonly #namespaces: FollowedKind<Namespace>;
  readonly #events: FollowedKind<PodEvent>;
  readonly #policies: FollowedKind<NetworkPolicy>;
  readonly #agentPods: FollowedKind<AgentPod>;
  readonly #foreignPolicies: AskedObjects<ForeignPolicy>;
  readonly #dnsConfigurations: AskedObjects<DnsConfiguration>;
  readonly #index = new SliceIndex();
  readonly #podIndex = new PodIndex();
  readonly #podEvents = new PodEvents();
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  #running: Promise<unknown> | null = null;

  constructor(options: ClusterStoreOptions) {
    this.#options = options;
    const { client, agents } = options;
    const names = new Names();
    const ofAgents = agentPodResource(agents.namespace, agents.labelSelector);
    this.agentPods = new AgentPods(client, ofAgents);
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
    this.#pods = this.#kind(podResource(names), (changes) => {
      const at = options.timing.now();
      for (const namespace of this.#podIndex.change(changes)) this.#tell({ kind: 'pods', namespace, at });
    });
    this.#namespaces = this.#kind(namespaceResource, (changes) => {
      for (const { key } of changes) this.#tell({ kind: 'namespace', name: key, at: options.timing.now() });
    });
    this.#events = this.#kind(podEventResource, (changes) => this.#podEvents.change(changes));
    this.#policies = this.#kind(networkPolicyResource, (changes) => {
      const at = options.timing.now();
      const namespaces = new Set(changes.map(({ before, after }) => (after ?? before)?.namespace ?? ''));
      for (const namespace of namespaces) this.#tell({ kind: 'policies', namespace, at });
    });
    this.#foreignPolicies = new AskedObjects({
      client,
      timing: options.timing,
      questions: foreignPolicyQuestions,
      everyMs: foreignPoliciesEveryMs,
      warn: (message) => options.log.warn({ kind: 'foreignpolicies' }, message),
      // Of no namespace: no node waits to be looked at for them.
      changed: () => this.#tell({ kind: 'policies', namespace: '', at: options.timing.now() }),
    });
    this.#dnsConfigurations = new AskedObjects({
      client,
      timing: options.timing,
      questions: dnsConfigurationQuestions,
      everyMs: dnsConfigurationsEveryMs,
      warn: (message) => options.log.warn({ kind: 'dnsconfigurations' }, message),
      changed: () => this.#tell({ kind: 'dns-configuration', at: options.timing.now() }),
    });
    this.#agentPods = this.#kind(ofAgents, (changes) => this.agentPods.take(changes));
  }

  get services(): ReadonlyMap<string, Service> {
    return this.#services.objects;
  }

  get nodes(): ReadonlyMap<string, ClusterNode> {
    return this.#nodes.objects;
  }

  get namespaces(): ReadonlyMap<string, Namespace> {
    return this.#namespaces.objects;
  }

  podsIn(namespace: string): Iterable<Pod> {
    return this.#podIndex.in(namespace);
  }

  podsOn(node: string): Iterable<Pod> {
    return this.#podIndex.on(node);
  }

  pods(): Iterable<Pod> {
    return this.#pods.objects.values();
  }

  podsWithAddress(address: Address): readonly Pod[] {
    return this.#podIndex.withAddress(address);
  }

  podEventsOn(node: string): Iterable<PodEvent> {
    return this.#podEvents.on(node, this.#options.timing.now());
  }

  *policiesIn(namespace: string): Iterable<NetworkPolicy> {
    for (const policy of this.policies()) if (policy.namespace === namespace) yield policy;
  }

  policies(): Iterable<NetworkPolicy> {
    return this.#policies.objects.values();
  }

  foreignPolicies(): Iterable<ForeignPolicy> {
    return this.#foreignPolicies.objects;
  }

  dnsConfigurations(): Iterable<DnsConfiguration> {
    return this.#dnsConfigurations.objects;
  }

  slicesOf(serviceKey: string): readonly EndpointSlice[] {
    return this.#index.of(serviceKey);
  }

  /** All objects of this moment. What a watch that is not fresh has told before is not shown as what there is. */
  objects(): ClusterSnapshot {
    const pods = this.#pods.health().fresh ? [...this.#pods.objects.values()] : null;
    const namespaces = this.#namespaces.health().fresh ? [...this.namespaces.values()] : null;
    const podEvents = this.#events.health().fresh ? [...this.#events.objects.values()] : null;
    return {
      services: [...this.services.values()],
      endpointSlices: [...this.#slices.objects.values()],
      nodes: [...this.nodes.values()],
      pods,
      namespaces,
      podEvents,
      networkPolicies: this.#policies.health().fresh ? [...this.policies()] : null,
      foreignPolicies: this.#foreignPolicies.health().fresh ? this.#foreignPolicies.objects : null,
      dnsConfigurations: this.#dnsConfigurations.health().fresh ? this.#dnsConfigurations.objects : null,
    };
  }

  health(kind: WatchedKind): WatchHealth {
    if (kind === 'foreignpolicies') return this.#foreignPolicies.health();
    if (kind === 'dnsconfigurations') return this.#dnsConfigurations.health();
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
    this.#running ??= Promise.all([...this.#all(), ...this.#asked()].map((kind) => kind.run()));
  }

  /** Ends all watches and waits for it. */
  async stop(): Promise<void> {
    for (const kind of [...this.#all(), ...this.#asked()]) kind.stop();
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
    const ofServices = [this.#services, this.#slices, this.#nodes];
    return [...ofServices, this.#pods, this.#namespaces, this.#events, this.#policies, this.#agentPods];
  }

  #asked() {
    return [this.#foreignPolicies, this.#dnsConfigurations];
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
