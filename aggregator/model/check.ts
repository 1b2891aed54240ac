/** What a check is, and all that it may see. */
import type { Family } from '../../proto/address.ts';
import type { ForwardingTable, FrontendKey } from '../../proto/forwarding.ts';
import type { NodeParts } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import type { ClusterNode, ClusterObjects } from './cluster.ts';
import type { DesiredOwner } from './desired.ts';
import type { Drift } from './drift.ts';
import type { Layer, Severity, Subject, Violation } from './finding.ts';

/** What a drifted frontend shows, held against what was desired of it in the last 24 hours. */
export type Staleness =
  /**
   * The desired state that held from `from` to `until`, both RFC 3339: the node has not followed since. The same may
   * have been desired before, too: `earlier` has the newest of those times first.
   */
  | {
      readonly shows: 'past-state';
      readonly from: string;
      readonly until: string;
      readonly earlier?: readonly { readonly from: string; readonly until: string }[];
    }
  /** Nothing that was desired in that time. `changedAt`: when what is asked at it last changed, RFC 3339. */
  | { readonly shows: 'never-wanted'; readonly changedAt?: string };

/** What the aggregator remembers beside the present; an offline audit has none of it. */
export interface NodeHistory {
  /** RFC 3339: what was desired before is not known. */
  readonly reachesBackTo: string;
  /** Of every frontend that drifts, as far as it can be told. */
  readonly staleness: ReadonlyMap<FrontendKey, Staleness>;
  /** When the API last changed what this node should do; null = not since `reachesBackTo`. RFC 3339. */
  readonly desiredChangedAt: string | null;
}

/** All that a check may see of a node. */
export interface NodeView {
  readonly name: string;
  /** The API's Node, null where the API does not know it. */
  readonly node: ClusterNode | null;
  readonly profile: NodeProfile;
  readonly parts: NodeParts;
  /** What the node should do; null when the API objects or the mode do not allow to say. */
  readonly desired: ForwardingTable | null;
  /** What it does; null when that could not be read. */
  readonly observed: ForwardingTable | null;
  /** Empty when either table is null. */
  readonly drift: readonly Drift[];
  /**
   * Who each frontend belongs to: from the API where it is desired, else from an accepted owner hint, else absent.
   */
  readonly owners: ReadonlyMap<FrontendKey, DesiredOwner>;
  /** More than 1,000 endpoints in the cluster: kube-proxy leaves orphans and comments out (per family). */
  readonly largeCluster: { readonly [family in Family]: boolean };
  /** Null in an offline audit. */
  readonly history: NodeHistory | null;
  readonly objects: ClusterObjects;
  readonly peers: Peers;
}

/** What other nodes reported of themselves: how two nodes reach each other is told by both. */
export interface Peers {
  /** The parts of another node's newest report; null where it has none that counts now. */
  parts(node: string): NodeParts | null;
}

/** All that a check of scope `cluster` may see. */
export interface ClusterView {
  /** Those that can be judged. */
  readonly nodes: readonly NodeView[];
  readonly objects: ClusterObjects;
}

/** What a check must have to say anything: a collector's part, `drift` = both tables of the node are known, `history` =
 * what was desired before is known too, `pods` = the pods of the API are known, `events` = its events about pods'
 * networks are, `policies` = its NetworkPolicies, Namespaces and pods are, `dns-configuration` = CoreDNS' ConfigMap is,
 * `udp-flows` = those of the node's connection table were read. */
export type Need = keyof NodeParts | ObjectNeed | 'drift' | 'history' | 'udp-flows';

/** What a check must know of the API beside Services, slices and Nodes. */
export type ObjectNeed = 'pods' | 'events' | 'policies' | 'dns-configuration';

interface CheckText {
  /** Equal to the file's name. */
  readonly id: string;
  readonly layer: Layer;
  readonly severity: Severity;
  /** One line: what holds when it fires. */
  readonly title: string;
  /** The mechanism: how a node gets there, which versions, upstream issues. Markdown. */
  readonly explanation: string;
  /** What would look like this and is none; how the check avoids it. Markdown. */
  readonly falsePositives: string;
  /** What mends it, in general. Markdown. */
  readonly remediation: string;
  /** Without all of these the check is not asked, and what it said before is neither confirmed nor resolved. */
  readonly needs: readonly Need[];
  /** Seconds a violation must hold before it fires, and be gone before it resolves; used by the lifecycle only. */
  readonly holdForSeconds: number;
  readonly clearForSeconds: number;
}

export interface NodeCheck extends CheckText {
  readonly scope: 'node';
  evaluate(view: NodeView): readonly Violation[];
}

export interface ClusterCheck extends CheckText {
  readonly scope: 'cluster';
  evaluate(view: ClusterView): readonly Violation[];
  /**
   * Why nothing can be said now of what it spoke of before and does not any more; null where that is over. Without this
   * method what is not said is over.
   */
  undecided?(subject: Subject, view: ClusterView): string | null;
}

export type Check = NodeCheck | ClusterCheck;
