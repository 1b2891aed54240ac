/** What a check is, and all that it may see. */
import type { Family } from '../../proto/address.ts';
import type { ForwardingTable, FrontendKey } from '../../proto/forwarding.ts';
import type { AddressesReport, IptablesReport, KubeProxyReport, Part, ProxyTraces } from '../../proto/parts.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import type { ClusterNode } from './cluster.ts';
import type { DesiredOwner } from './desired.ts';
import type { Drift } from './drift.ts';
import type { Layer, Severity, Violation } from './finding.ts';

/** The collectors' parts of one node. */
export interface NodeParts {
  readonly iptables: Part<IptablesReport>;
  readonly kubeProxy: Part<KubeProxyReport>;
  readonly addresses: Part<AddressesReport>;
  readonly proxyTraces: Part<ProxyTraces>;
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
}

/** All that a check of scope `cluster` may see. */
export interface ClusterView {
  readonly nodes: readonly NodeView[];
}

/** What a check must have to say anything: a collector's part, or `drift` = both tables of the node are known. */
export type Need = keyof NodeParts | 'drift';

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
}

export type Check = NodeCheck | ClusterCheck;
