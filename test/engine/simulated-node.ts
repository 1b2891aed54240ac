/**
 * A node for tests of the engine: a kube-proxy that hears of changes by two watches with delays of their own, waits, and
 * writes the Services that changed (pkg/proxy: BoundedFrequencyRunner, partial sync); rules that can be damaged behind
 * its back; an agent that reads them at intervals. Of real kube-proxies' changes 60 % were in the rules within a second
 * and all within three (kubeproxy_network_programming_duration_seconds of s1-healthy, node-a); these take up to four.
 *
 * The desired formula stands for what a correct kube-proxy writes, so what these tests show is how the engine judges
 * *time*; that the formula is kube-proxy's is shown elsewhere. With `reads: 'text'` no formula stands in: rules are
 * written as nft prints them, sync by sync, and the agent's own reader reads them.
 */
import { desiredState } from '../../aggregator/audit/desired.ts';
import type { ClusterNode, ClusterState, EndpointSlice, Service } from '../../aggregator/model/cluster.ts';
import { BucketTable, leavesOf } from '../../proto/bucket-tree.ts';
import type { Entry, FrontendKey } from '../../proto/forwarding.ts';
import type { NodeParts } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { address, known, profile } from '../builders.ts';
import { kubeProxy, noParts, reported, structure } from '../view-builders.ts';
import type { FakeAgents, FakeCluster } from './fake-feeds.ts';
import { NftKernel, traceText } from './nft-kernel.ts';
import type { VirtualTime } from './virtual-time.ts';

export type SimulatedMode = 'iptables' | 'nftables' | 'ipvs';

export interface SimulationOptions {
  readonly time: VirtualTime;
  readonly cluster: FakeCluster;
  readonly agents: FakeAgents;
  /** From 0 to 1, from the test's seed. */
  readonly random: () => number;
  /** kube-proxy's mode. */
  readonly mode: SimulatedMode;
  /** Seconds between two readings. */
  readonly readEverySeconds?: number;
  /** What the agent reads: the fates that kube-proxy is meant to bring about, or its rules. Text is of nftables mode. */
  readonly reads?: 'fates' | 'text';
}

/** What one watch has told kube-proxy of a Service and not yet been written. */
type Heard =
  | { readonly key: string; readonly service: Service | null }
  | { readonly key: string; readonly slices: readonly EndpointSlice[] };

export class SimulatedNode {
  readonly name: string;
  readonly apiNode: ClusterNode;
  readonly profile: NodeProfile;
  /** What the kernel does. */
  readonly kernel = new Map<FrontendKey, Entry>();
  /** What the agent tells beside kube-proxy and its rules. */
  tells: Partial<NodeParts> = {};
  /** The same as rules; null where the agent does not read any. */
  readonly rules: NftKernel | null;
  readonly #options: SimulationOptions;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, readonly EndpointSlice[]>();
  readonly #written = new Map<string, { readonly key: FrontendKey; readonly port: string }[]>();
  readonly #hints = new Map<FrontendKey, string>();
  readonly #pending = new Set<string>();
  readonly #lost = new Set<string>();
  #heardUntil = { services: 0, slices: 0 };
  #lastSync = 0;
  #syncIsDue = false;
  #hangs = false;
  #agentLives = true;
  #reading = 0;
  #table: BucketTable | null = null;

  constructor(name: string, podAddress: string, options: SimulationOptions) {
    this.name = name;
    this.#options = options;
    this.apiNode = {
      name,
      uid: `uid-of-${name}`,
      zone: null,
      podCIDRs: [],
      addresses: [address(podAddress)],
      createdAt: '2026-01-01T00:00:00Z',
      ready: true,
      leaving: false,
      notReadyBecause: null,
      networkUnavailable: null,
      cni: { flannel: null, calico: null, cilium: null },
      annotations: {},
    };
    this.profile = profile({
      mode: known(options.mode),
      hairpin: known(options.mode === 'iptables' ? 'every-endpoint' : 'own-endpoints'),
      nodeName: known(name),
      localAddresses: known(['127.0.0.1', podAddress].map(address)),
    });
    this.rules = options.reads === 'text' ? new NftKernel(name, address(podAddress)) : null;
    options.cluster.setNode(this.apiNode);
    options.cluster.subscribe((change) => {
      if (change.kind === 'service') this.#hear(change.key);
    });
    this.restartProxy();
    options.agents.say({ kind: 'connected', node: name, agentVersion: 'v0', at: options.time.now() });
    this.#readLater(options.random() * (options.readEverySeconds ?? 5));
  }

  /** kube-proxy starts anew: it lists everything and writes it, in time. */
  restartProxy(): void {
    const { cluster } = this.#options;
    this.#hangs = false;
    this.#lost.clear();
    this.rules?.restart();
    for (const key of new Set([...this.#services.keys(), ...cluster.services.keys()])) {
      const service = cluster.services.get(key);
      if (service === undefined) this.#services.delete(key);
      else this.#services.set(key, service);
      this.#slices.set(key, cluster.slicesOf(key));
      this.#pending.add(key);
    }
    this.#syncSoon();
  }

  /** Its watches stay open and say nothing any more, and its health port goes on saying 200. */
  hangProxy(): void {
    this.#hangs = true;
  }

  /** The next change of this Service does not get to the rules. */
  loseNextChangeOf(key: string): void {
    this.#lost.add(key);
  }

  /** Somebody edits the rules. */
  damage(key: FrontendKey, change: (entry: Entry) => Entry | null): void {
    if (this.rules !== null) throw new Error('what is read as text is damaged as text');
    const entry = this.kernel.get(key);
    if (entry === undefined) throw new Error(`${key} is not served`);
    const changed = change(entry);
    if (changed === null) this.kernel.delete(key);
    else this.kernel.set(key, changed);
    this.#table = null;
  }

  /** The agent dies; its node is not read any more. */
  killAgent(): void {
    this.#agentLives = false;
    this.#options.agents.say({ kind: 'disconnected', node: this.name, at: this.#options.time.now() });
  }

  startAgent(): void {
    this.#agentLives = true;
    this.#read();
  }

  /** One change, by the watch of its kind: in order, each with a delay of its own. */
  #hear(key: string): void {
    const { time, cluster, random } = this.#options;
    if (this.#hangs) return;
    const service = cluster.services.get(key) ?? null;
    const slices = cluster.slicesOf(key);
    const deliver = (watch: 'services' | 'slices', heard: Heard) => {
      const at = Math.max(this.#heardUntil[watch], time.now() + 10 + random() ** 3 * 2500);
      this.#heardUntil[watch] = at;
      time.later(at - time.now(), () => this.#take(heard));
    };
    deliver('services', { key, service });
    deliver('slices', { key, slices });
  }

  #take(heard: Heard): void {
    const { key } = heard;
    if (this.#hangs) return;
    if (this.#lost.has(key)) {
      // Both halves of one change are lost, those that follow are not.
      this.#options.time.later(3000, () => this.#lost.delete(key));
      return;
    }
    if ('slices' in heard) this.#slices.set(key, heard.slices);
    else if (heard.service === null) this.#services.delete(key);
    else this.#services.set(key, heard.service);
    this.#pending.add(key);
    this.#syncSoon();
  }

  /** minSyncPeriod is a second, and writing takes up to another. */
  #syncSoon(): void {
    const { time, random } = this.#options;
    if (this.#syncIsDue) return;
    this.#syncIsDue = true;
    const wait = Math.max(0, this.#lastSync + 1000 - time.now());
    time.later(wait + 30 + random() * 900, () => this.#sync());
  }

  #sync(): void {
    this.#syncIsDue = false;
    this.#lastSync = this.#options.time.now();
    const changed = new Map([...this.#pending].map((key) => [key, this.#known(key)]));
    if (this.rules === null) for (const [key, state] of changed) this.#write(key, state);
    else this.rules.sync(this.#lastSync, changed);
    this.#pending.clear();
    this.#table = null;
  }

  /** What kube-proxy has heard of one Service. */
  #known(key: string): ClusterState {
    const service = this.#services.get(key);
    return {
      services: service === undefined ? [] : [service],
      endpointSlices: this.#slices.get(key) ?? [],
      nodes: [this.apiNode],
    };
  }

  #write(key: string, state: ClusterState): void {
    for (const { key: frontend } of this.#written.get(key) ?? []) this.kernel.delete(frontend);
    const { table, owners } = desiredState(state, { name: this.name, zone: null, profile: this.profile });
    const written: { key: FrontendKey; port: string }[] = [];
    for (const [frontend, entry] of table) {
      this.kernel.set(frontend, entry);
      const owner = owners.get(frontend);
      if (owner !== undefined) this.#hints.set(frontend, `${owner.namespace}/${owner.name}:${owner.portName}`);
      written.push({ key: frontend, port: owner?.portName ?? '' });
    }
    this.#written.set(key, written);
  }

  #readLater(seconds: number): void {
    this.#options.time.later(seconds * 1000, () => {
      if (this.#agentLives) this.#read();
      this.#readLater(this.#options.readEverySeconds ?? 5);
    });
  }

  #read(): void {
    const { agents, time } = this.#options;
    this.#reading++;
    if (this.rules !== null) this.#readText(this.rules.text());
    this.#table ??= new BucketTable(leavesOf(new Map(this.kernel)));
    const at = time.now();
    agents.say({ kind: 'heard', node: this.name, at, figures: null, ways: null });
    agents.say({
      kind: 'report',
      sequence: BigInt(this.#reading),
      report: {
        node: this.name,
        reading: `epoch-of-${this.name}/${this.#reading}`,
        readAt: at,
        profile: this.profile,
        parts: this.#parts(),
        table: this.#table,
        ownerHint: (key) => this.#hints.get(key as FrontendKey) ?? null,
      },
    });
  }

  #readText(text: string): void {
    const traced = traceText(text, this.profile);
    this.kernel.clear();
    this.#hints.clear();
    for (const [key, entry] of traced.table) this.kernel.set(key, entry);
    for (const [key, owner] of traced.owners()) this.#hints.set(key, owner);
    this.#table = null;
  }

  #parts(): NodeParts {
    const { mode } = this.#options;
    const seconds = this.#lastSync / 1000;
    const traces = { iptables: mode === 'iptables', nftables: mode === 'nftables', ipvs: mode === 'ipvs' };
    return {
      ...noParts,
      forwarding: reported({ mode, table: new Map(), owners: new Map(), unlisted: null }),
      iptables: reported({
        structures: [structure()],
        serviceBackends: mode === 'iptables' ? ['nft'] : [],
        proxyChains: [],
        hostPortTables: [],
      }),
      kubeProxy: kubeProxy({
        mode,
        lastSync: [{ family: 'ipv4', seconds }],
        lastQueued: [{ family: 'ipv4', seconds }],
      }),
      proxyTraces: reported(traces),
      ...this.tells,
    };
  }
}
