/** The engine's feeds, played by a test: an API whose objects it sets, and agents that say what it wants. */
import type { Address } from '../../proto/address.ts';
import type {
  ClusterNode,
  DnsConfiguration,
  EndpointSlice,
  Namespace,
  Pod,
  PodEvent,
  Service,
} from '../../aggregator/model/cluster.ts';
import type {
  AgentEvent,
  AgentFeed,
  ClusterChange,
  ClusterFeed,
  ProbeTarget,
  WatchedKind,
  WatchHealth,
} from '../../aggregator/model/feeds.ts';
import type { ForeignPolicy, NetworkPolicy } from '../../aggregator/model/policy.ts';

type Listener<T> = (event: T) => void;

export class FakeCluster implements ClusterFeed {
  readonly services = new Map<string, Service>();
  readonly nodes = new Map<string, ClusterNode>();
  readonly namespaces = new Map<string, Namespace>();
  podEvents: readonly PodEvent[] = [];
  networkPolicies: readonly NetworkPolicy[] = [];
  readonly foreign: readonly ForeignPolicy[] = [];
  dns: readonly DnsConfiguration[] = [];
  /** By `namespace/name`. */
  readonly #pods = new Map<string, Pod>();
  readonly #slices = new Map<string, readonly EndpointSlice[]>();
  readonly #listeners = new Set<Listener<ClusterChange>>();
  readonly #silent = new Map<WatchedKind, string>();
  readonly #quietSince = new Map<WatchedKind, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  slicesOf(serviceKey: string): readonly EndpointSlice[] {
    return this.#slices.get(serviceKey) ?? [];
  }

  podsIn(namespace: string): Iterable<Pod> {
    return [...this.#pods.values()].filter((pod) => pod.namespace === namespace);
  }

  podsOn(node: string): Iterable<Pod> {
    return [...this.#pods.values()].filter((pod) => pod.nodeName === node);
  }

  pods(): Iterable<Pod> {
    return this.#pods.values();
  }

  podsWithAddress(address: Address): readonly Pod[] {
    return [...this.#pods.values()].filter((pod) => !pod.hostNetwork && pod.addresses.includes(address));
  }

  podEventsOn(node: string): Iterable<PodEvent> {
    return this.podEvents.filter(({ nodeName }) => nodeName === node);
  }

  policiesIn(namespace: string): Iterable<NetworkPolicy> {
    return this.networkPolicies.filter((policy) => policy.namespace === namespace);
  }

  policies(): Iterable<NetworkPolicy> {
    return this.networkPolicies;
  }

  foreignPolicies(): Iterable<ForeignPolicy> {
    return this.foreign;
  }

  dnsConfigurations(): Iterable<DnsConfiguration> {
    return this.dns;
  }

  health(kind: WatchedKind): WatchHealth {
    const because = this.#silent.get(kind) ?? null;
    const now = this.#now();
    return { fresh: because === null, because, ageMs: now - (this.#quietSince.get(kind) ?? now) };
  }

  subscribe(listener: Listener<ClusterChange>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes or changes a Service. */
  setService(service: Service): void {
    const key = `${service.namespace}/${service.name}`;
    this.services.set(key, service);
    this.#tell({ kind: 'service', key, at: this.#now() });
  }

  /** Replaces the slices of a Service. */
  setSlices(key: string, slices: readonly EndpointSlice[]): void {
    this.#slices.set(key, slices);
    this.#tell({ kind: 'service', key, at: this.#now() });
  }

  deleteService(key: string): void {
    this.services.delete(key);
    this.#slices.delete(key);
    this.#tell({ kind: 'service', key, at: this.#now() });
  }

  setNode(node: ClusterNode): void {
    this.nodes.set(node.name, node);
    this.#tell({ kind: 'node', name: node.name, at: this.#now() });
  }

  deleteNode(name: string): void {
    this.nodes.delete(name);
    this.#tell({ kind: 'node', name, at: this.#now() });
  }

  setPod(pod: Pod): void {
    this.#pods.set(`${pod.namespace}/${pod.name}`, pod);
    this.#tell({ kind: 'pods', namespace: pod.namespace, at: this.#now() });
  }

  /** @param key `shop/web-0` */
  deletePod(key: string): void {
    this.#pods.delete(key);
    this.#tell({ kind: 'pods', namespace: key.replace(/\/.*$/, ''), at: this.#now() });
  }

  setNamespace(namespace: Namespace): void {
    this.namespaces.set(namespace.name, namespace);
    this.#tell({ kind: 'namespace', name: namespace.name, at: this.#now() });
  }

  /** Replaces all NetworkPolicies. */
  setPolicies(policies: readonly NetworkPolicy[]): void {
    const namespaces = new Set([...this.networkPolicies, ...policies].map(({ namespace }) => namespace));
    this.networkPolicies = policies;
    for (const namespace of namespaces) this.#tell({ kind: 'policies', namespace, at: this.#now() });
  }

  relisted(of: WatchedKind): void {
    this.#tell({ kind: 'relisted', of, at: this.#now() });
  }

  /** Nothing comes by a watch from now on, and nobody has noticed yet. */
  quieten(of: WatchedKind): void {
    this.#quietSince.set(of, this.#now());
  }

  /** A watch tells something again, of whatever. */
  speak(of: WatchedKind): void {
    this.#quietSince.delete(of);
  }

  /** A watch falls silent, or is heard again (null). */
  setHealth(of: WatchedKind, because: string | null): void {
    if (because === null) this.#silent.delete(of);
    else this.#silent.set(of, because);
    this.#tell({ kind: 'health', of, at: this.#now() });
  }

  #tell(change: ClusterChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

export class FakeAgents implements AgentFeed {
  /** The newest acknowledged sequence of each node. */
  readonly acknowledged = new Map<string, bigint>();
  /** What was asked for, `node entry-digest`, in order. */
  readonly wanted: string[] = [];
  /** The newest targets of each node. */
  readonly aimed = new Map<string, readonly ProbeTarget[]>();
  readonly #listeners = new Set<Listener<AgentEvent>>();

  subscribe(listener: Listener<AgentEvent>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  acknowledge(node: string, sequence: bigint): void {
    this.acknowledged.set(node, sequence);
  }

  wantEvidence(node: string, entries: readonly string[]): void {
    for (const entry of entries) this.wanted.push(`${node} ${entry}`);
  }

  aim(node: string, targets: readonly ProbeTarget[]): void {
    this.aimed.set(node, targets);
  }

  say(event: AgentEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
