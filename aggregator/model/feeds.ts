/** What the engine is fed with: the API's objects as they change, and the agents' reports as they come. */
import type { BucketTable, Leaf, TreeDigests } from '../../proto/bucket-tree.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import type { NodeParts } from '../../proto/parts.ts';
import type { Address } from '../../proto/address.ts';
import type { ClusterNode, DnsConfiguration, EndpointSlice, Namespace, Pod, PodEvent, Service } from './cluster.ts';
import type { ForeignPolicy, NetworkPolicy } from './policy.ts';
import type { AgentFigures, AgentWay } from './record.ts';

/** `pods` are those of the whole cluster, `agentpods` those of the agents alone. */
export type WatchedKind =
  | 'services'
  | 'endpointslices'
  | 'nodes'
  | 'pods'
  | 'namespaces'
  | 'events'
  | 'networkpolicies'
  | 'foreignpolicies'
  | 'dnsconfigurations'
  | 'agentpods';

/** How well one kind of objects is known. */
export interface WatchHealth {
  /** False until the first whole list, and after a watch was silent for too long or its objects could not be read. */
  readonly fresh: boolean;
  /** Why not; null when fresh. */
  readonly because: string | null;
  /** Milliseconds since anything was heard: an event, a bookmark, a list. */
  readonly ageMs: number;
}

/**
 * One change of the API's objects. `at` is when it was seen, Unix milliseconds. `relisted`: the kind was listed anew
 * (also the first time), and what changed meanwhile is not dated.
 */
export type ClusterChange =
  | { readonly kind: 'service'; readonly key: string; readonly at: number }
  | { readonly kind: 'node'; readonly name: string; readonly at: number }
  /** Pods of this namespace came, changed or went. */
  | { readonly kind: 'pods'; readonly namespace: string; readonly at: number }
  | { readonly kind: 'namespace'; readonly name: string; readonly at: number }
  /** NetworkPolicies of this namespace came, changed or went. */
  | { readonly kind: 'policies'; readonly namespace: string; readonly at: number }
  | { readonly kind: 'dns-configuration'; readonly at: number }
  | { readonly kind: 'relisted'; readonly of: WatchedKind; readonly at: number }
  /** A watch became fresh, or stopped being so. */
  | { readonly kind: 'health'; readonly of: WatchedKind; readonly at: number };

/** The API's objects of this moment, and what tells of their changes. Keys of Services are `namespace/name`. */
export interface ClusterFeed {
  readonly services: ReadonlyMap<string, Service>;
  /** The slices of one Service; none where it has none. */
  slicesOf(serviceKey: string): readonly EndpointSlice[];
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  podsIn(namespace: string): Iterable<Pod>;
  podsOn(node: string): Iterable<Pod>;
  pods(): Iterable<Pod>;
  podsWithAddress(address: Address): readonly Pod[];
  podEventsOn(node: string): Iterable<PodEvent>;
  policiesIn(namespace: string): Iterable<NetworkPolicy>;
  policies(): Iterable<NetworkPolicy>;
  foreignPolicies(): Iterable<ForeignPolicy>;
  dnsConfigurations(): Iterable<DnsConfiguration>;
  health(kind: WatchedKind): WatchHealth;
  /** Called after the maps show the change. @returns what ends the subscription. */
  subscribe(listener: (change: ClusterChange) => void): () => void;
}

/** A pod of the agents' DaemonSet, to tell whose stream it is. */
export interface AgentPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Null until it is scheduled. */
  readonly nodeName: string | null;
  readonly serviceAccountName: string;
  /** The UID of the controlling owner; null without one. */
  readonly ownerUid: string | null;
  readonly ownerKind: string | null;
  readonly ownerName: string | null;
}

/** What an agent's newest whole reading says. */
export interface NodeReport {
  /** The node that authentication says. */
  readonly node: string;
  /** `epoch/number` of the reading. */
  readonly reading: string;
  /** When the reading was taken, by the aggregator's clock, Unix milliseconds. */
  readonly readAt: number;
  readonly profile: NodeProfile;
  /** The forwarding part with an empty table: what the node does stands in `table`. */
  readonly parts: NodeParts;
  /** Null when the agent could not read it. */
  readonly table: BucketTable | null;
  /** Owner hints by frontend key text, `ns/name:port`. */
  readonly ownerHint: (key: string) => string | null;
}

/** What the engine hears of agents. `sequence` is acknowledged once all that follows from it is on disk. */
export type AgentEvent =
  | { readonly kind: 'connected'; readonly node: string; readonly agentVersion: string; readonly at: number }
  | { readonly kind: 'disconnected'; readonly node: string; readonly at: number }
  /** Anything at all came from the node's agent. */
  | {
      readonly kind: 'heard';
      readonly node: string;
      readonly at: number;
      readonly figures: AgentFigures | null;
      /** Null = as they were. */
      readonly ways: readonly AgentWay[] | null;
    }
  | { readonly kind: 'report'; readonly report: NodeReport; readonly sequence: bigint }
  | { readonly kind: 'evidence'; readonly node: string; readonly evidence: EntryEvidence }
  /** Something of the node was lost: a limit, a throttle, a message that could not be read. Its report is not whole. */
  | { readonly kind: 'lost'; readonly node: string; readonly reason: string; readonly at: number };

/** The rules behind one entry of a node's table. */
export interface EntryEvidence {
  /** The digest of the entry that was asked for. */
  readonly entry: string;
  readonly reading: string;
  /** True: no such entry is in the table any more. */
  readonly repaired: boolean;
  readonly lines: readonly { readonly table: string; readonly chain: string; readonly rule: string }[];
  readonly total: number;
}

/** One peer of a node at one address, for its agent to probe. */
export interface ProbeTarget {
  /** The peer; empty of a Service. */
  readonly node: string;
  readonly address: Address;
  readonly port: number;
  /** Of `udp` another agent answers; `tcp` is a pod or a Service whose owner wants it probed. */
  readonly protocol: 'udp' | 'tcp';
  readonly by: 'overlay' | 'node' | 'pod' | 'service' | 'endpoint';
  /** Of a full IP packet; 0 = only small ones. */
  readonly packetBytes: number;
}

/** The agents, as the engine sees them. */
export interface AgentFeed {
  subscribe(listener: (event: AgentEvent) => void): () => void;
  /** All that was reported up to this sequence is judged and on disk. */
  acknowledge(node: string, sequence: bigint): void;
  /** Asks the node for the rules behind entries, by entry digest. What comes is an `evidence` event. */
  wantEvidence(node: string, entries: readonly string[]): void;
  /** Tells the node's agent what to probe, in place of what it was told before. */
  aim(node: string, targets: readonly ProbeTarget[]): void;
}

/** Leaves whose content the aggregator knows without asking any agent: those of the desired tables. */
export interface KnownLeaves {
  leaf(digest: string): Leaf | null;
  /** The tree of a desired table, by its root. */
  tree(root: string): TreeDigests | null;
}
