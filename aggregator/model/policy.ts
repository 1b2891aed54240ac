/**
 * NetworkPolicies as the API has them (networking.k8s.io/v1), what they say of a flow, and policies of other kinds, which
 * are shown and not judged. Semantics: the API reference of NetworkPolicy v1, and "The two sorts of pod isolation".
 */
import type { Address, Family, Prefix } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { ClusterNode, Pod } from './cluster.ts';

/** An empty one (no labels, no expressions) selects all. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values: readonly string[];
  }[];
}

export interface PolicyPort {
  readonly protocol: Protocol;
  /** A number, the name of a container port of the destination, or null = every port of the protocol. */
  readonly port: number | string | null;
  /** The last of a range that begins at `port`; null = that port alone. */
  readonly endPort: number | null;
}

export type PolicyPeer =
  /** Null = not given: without a namespaceSelector the policy's own namespace, without a podSelector all pods there. */
  | {
      readonly kind: 'pods';
      readonly podSelector: LabelSelector | null;
      readonly namespaceSelector: LabelSelector | null;
    }
  | { readonly kind: 'block'; readonly cidr: Prefix; readonly except: readonly Prefix[] };

export interface PolicyRule {
  /** Empty = everyone. */
  readonly peers: readonly PolicyPeer[];
  /** Empty = every port of every protocol. */
  readonly ports: readonly PolicyPort[];
}

export type PolicyDirection = 'ingress' | 'egress';

export interface NetworkPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** RFC 3339; null where it is not told. */
  readonly createdAt: string | null;
  readonly podSelector: LabelSelector;
  /** After defaulting: ingress always where policyTypes is absent, egress then only where it has egress rules. */
  readonly types: readonly PolicyDirection[];
  readonly ingress: readonly PolicyRule[];
  readonly egress: readonly PolicyRule[];
}

/** A policy of another kind (Cilium's, Calico's, cluster-wide ones): that it is there is shown, it is not judged. */
export interface ForeignPolicy {
  /** `CiliumNetworkPolicy`, `GlobalNetworkPolicy.crd.projectcalico.org`, `AdminNetworkPolicy`, ... */
  readonly kind: string;
  /** Null of a cluster-wide one. */
  readonly namespace: string | null;
  readonly name: string;
}

/** Where a flow begins or ends. */
export type FlowEnd =
  | { readonly kind: 'pod'; readonly pod: Pod }
  | { readonly kind: 'node'; readonly node: ClusterNode }
  /** Outside of the cluster, or not known whose it is. */
  | { readonly kind: 'address'; readonly address: Address };

/** The first packet of a connection, as it is after the Service's address was translated: policies see pods' ports. */
export interface Flow {
  readonly from: FlowEnd;
  readonly to: FlowEnd;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number;
  /** The Service's address that it was sent to before that was translated; absent: none was. */
  readonly through?: { readonly address: Address; readonly port: number };
  /** It came in by a node port or a load balancer: a node's address may stand in place of the source's by then. */
  readonly sourceMayBeRewritten?: true;
}

/** The rule that decides: `shop/allow-web`, ingress, rule 0 (as listed), port 1 (null = it names none). */
export interface DecidingRule {
  readonly namespace: string;
  readonly policy: string;
  readonly direction: PolicyDirection;
  /** Index in the policy's list of rules. */
  readonly rule: number;
  /** Index in the rule's list of peers; null = the rule lets everyone. */
  readonly peer: number | null;
  /** Index in the rule's list of ports; null = every port. */
  readonly port: number | null;
}

/** What one end's policies say. */
export interface SideVerdict {
  readonly direction: PolicyDirection;
  readonly state: /** No policy selects the pod in this direction. */
    | 'not-isolated'
    | 'allowed'
    | 'denied'
    /** The API leaves it to the CNI plugin, or something is not known; `because` says what. */
    | 'unknown'
    /** The end is no pod, or one in its node's network: policies do not speak of it. */
    | 'not-judged';
  /** One sentence: what decides. */
  readonly because: string;
  /** The policies that select the pod in this direction, sorted `namespace/name`. */
  readonly isolating: readonly string[];
  /** The first rule that allows it; null where none does. */
  readonly by: DecidingRule | null;
  /**
   * Of `denied`: rules that miss the flow by one thing alone, nearest first: the peer fits and the port does not, or the
   * port fits and the peer does not. At most 5.
   */
  readonly nearly: readonly { readonly rule: DecidingRule; readonly lacks: 'port' | 'peer' }[];
}

export interface PolicyVerdict {
  /** Null = unknown: one side is, and the other does not deny. */
  readonly allowed: boolean | null;
  readonly egress: SideVerdict;
  readonly ingress: SideVerdict;
}

/** NetworkPolicies of one moment, asked by flows. Asking costs what the labels of two pods cost, not the cluster. */
export interface PolicyAnswers {
  flow(flow: Flow): PolicyVerdict;
  /** The policies that select the pod in a direction. None of a pod in its node's network. */
  isolating(pod: Pod, direction: PolicyDirection): readonly NetworkPolicy[];
  /** The live pods that a policy applies to. */
  selectedBy(policy: NetworkPolicy): readonly Pod[];
  /** The live pods that a peer of a policy of `namespace` stands for; of a block: those with an address in it. */
  peersOf(peer: PolicyPeer, namespace: string): readonly Pod[];
  /**
   * The number of classes: pods alike in namespace, labels that any selector asks for, named ports, and blocks that hold
   * their addresses. Costs as much as there are pods.
   */
  readonly classes: number;
  /**
   * The class of a pod: two pods of one class have the same verdict with every third pod and address. Not with what is on
   * their nodes, nor with themselves: their own node and they themselves are always let through.
   */
  classOf(pod: Pod): number;
  /** The policy as YAML that would allow what a verdict denies, both sides; null where nothing is denied. */
  allowing(flow: Flow): string | null;
}

/** What people ask: whether one end may reach another. Ends as aggregator/audit/ends.ts reads them. */
export interface PolicyQuestion {
  readonly from: string;
  readonly to: string;
  /** Null = not given: that of the Service's port, else TCP. */
  readonly protocol: Protocol | null;
  /** Of a Service its own port. Null = not given: a Service's only port, or what is written behind an end. */
  readonly port: number | null;
}

/** Pairs of ends with the same verdict. */
export interface PolicyFlow {
  /** The first of them: `pod/shop/web-0`, `node/node-a`, an address. */
  readonly from: string;
  readonly to: string;
  /** How many pairs have this verdict, this one among them. */
  readonly pairs: number;
  /** Those in which it holds. */
  readonly families: readonly Family[];
  /** What policies see: of a Service the target port. */
  readonly port: number;
  readonly allowed: boolean | null;
  readonly egress: SideVerdict;
  readonly ingress: SideVerdict;
  /** The policies that would allow it, as YAML; null where nothing is denied. */
  readonly allowing: string | null;
}

export interface PolicyReport {
  /** As they were understood. */
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** Null = not known, or not the same for all pairs. */
  readonly allowed: boolean | null;
  /** One sentence that stands alone. */
  readonly sentence: string;
  /** Denied before unknown before allowed, at most 20. */
  readonly flows: readonly PolicyFlow[];
  /** How many verdicts there are; more than `flows` where they were cut. */
  readonly total: number;
  /** What is to be known beside: pods that were left out, a Service's port that is translated. */
  readonly notes: readonly string[];
  /** Policies of other kinds that may decide too, `CiliumNetworkPolicy shop/web`, at most 20. */
  readonly notJudged: readonly string[];
}

export type PolicyAnswer =
  | { readonly ok: true; readonly report: PolicyReport }
  | ({ readonly ok: false } & PolicyProblem);

/** Why there is no answer; `parameter` is the part of the question at fault, null = nothing is known of policies. */
export interface PolicyProblem {
  readonly parameter: 'from' | 'to' | 'port' | 'protocol' | null;
  readonly problem: string;
}
