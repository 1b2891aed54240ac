/**
 * What an agent reports beside the forwarding table: one part per collector, facts that it does not judge.
 */
import type { Address, Family } from './address.ts';
import type { ForwardingTable, OwnerHints, UnknownReason } from './forwarding.ts';

/** One collector's report. "No data" is `absent`, and differs from `failed`. */
export type Part<T> =
  | { readonly state: 'ok'; readonly value: T /** RFC 3339, UTC */; readonly collectedAt: string }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'absent' };

export type IptablesBackend = 'legacy' | 'nft';

/** A jump that kube-proxy ensures from a built-in chain to one of its own, at each full sync. */
export interface BaseJump {
  readonly table: 'nat' | 'filter';
  readonly from: string;
  readonly to: string;
}

/** One rule as iptables-save prints it, without counters. */
export interface RuleLine {
  readonly table: string;
  readonly chain: string;
  /** The whole line: `-A KUBE-SERVICES -d ...`. */
  readonly rule: string;
}

/** A jump to a chain of kube-proxy that holds no rule, does not exist, or is an endpoint's (KUBE-SEP-) without DNAT. */
export interface DanglingJump extends RuleLine {
  readonly target: string;
}

/** The same rule more than once in one chain. */
export interface DuplicateRule extends RuleLine {
  readonly count: number;
}

/** A list that may have been cut: `total` counts all, `first` holds at most 40. */
export interface Excerpt<T> {
  readonly total: number;
  readonly first: readonly T[];
}

/**
 * The state of kube-proxy's masquerading in one backend and family, found by walking nat POSTROUTING and the mark chain:
 * `ok`, or which step is missing.
 */
export type MasqueradePath =
  | 'ok'
  /** No rule sets kube-proxy's mark where it should (KUBE-MARK-MASQ empty, absent or with another mark). */
  | 'mark-not-set'
  /** POSTROUTING never reaches a MASQUERADE for marked packets. */
  | 'not-masqueraded'
  /** Packets without the mark are masqueraded too. */
  | 'masquerades-unmarked';

/** How one backend's tables of one family are built, as far as kube-proxy's own chains go. */
export interface IptablesStructure {
  readonly backend: IptablesBackend;
  readonly family: Family;
  /** Tables that were read. */
  readonly tables: readonly string[];
  /** Rules in all tables. */
  readonly rules: number;
  /** Rules in KUBE-* chains per table, kubelet's own left out: comparable with kubeproxy_sync_proxy_rules_iptables_total. */
  readonly kubeRules: { readonly nat: number; readonly filter: number };
  /** Whether kube-proxy's service chains (KUBE-SERVICES with entries or KUBE-SVC-*, KUBE-SEP-*) live here. */
  readonly hasServiceRules: boolean;
  readonly presentBaseJumps: readonly BaseJump[];
  readonly missingBaseJumps: readonly BaseJump[];
  readonly danglingJumps: Excerpt<DanglingJump>;
  readonly duplicateRules: Excerpt<DuplicateRule>;
  /** Service chains (KUBE-SVC-, KUBE-SVL-, KUBE-EXT-, KUBE-FW-, KUBE-SEP-) that no rule refers to. */
  readonly orphanedChains: Excerpt<{ readonly table: string; readonly chain: string }>;
  /** Rules that could not be read: `[unsupported revision]` and the like. */
  readonly unreadableRules: Excerpt<RuleLine>;
  readonly masqueradePath: MasqueradePath;
}

/** What the iptables reader found: the table of what the node does, and how the rules are built. */
export interface IptablesReport {
  /** One or two backends per family; empty when neither holds a rule. */
  readonly structures: readonly IptablesStructure[];
  /** Backends that hold kube-proxy's service rules. Two = mixed. */
  readonly serviceBackends: readonly IptablesBackend[];
  /** What the node does. Where two backends disagree, the entry is unknown (order-not-visible). */
  readonly table: ForwardingTable;
  readonly owners: OwnerHints;
  /** Why a frontend that is not in the table may be served all the same; null = it is not. */
  readonly unlisted: UnknownReason | null;
}

/** Which proxies' traces are on the node, whatever kube-proxy says of its mode. */
export interface ProxyTraces {
  readonly iptables: boolean;
  readonly nftables: boolean;
  readonly ipvs: boolean;
}

/** kube-proxy's own word about itself. */
export interface KubeProxyReport {
  /** `healthy`, `unhealthy` (503), `silent` (no answer) or `unknown` (not recorded, or it has no such endpoint). */
  readonly healthz: 'healthy' | 'unhealthy' | 'silent' | 'unknown';
  readonly livez: 'healthy' | 'unhealthy' | 'silent' | 'unknown';
  readonly metricsAnswered: boolean;
  readonly mode: string | null;
  readonly version: string | null;
  /** Per family: the rules that kube-proxy believes it owns, by table. */
  readonly believedRules: readonly { readonly family: Family; readonly table: string; readonly rules: number }[];
  /** Unix seconds per family, null where the metric is absent. */
  readonly lastSync: readonly { readonly family: Family; readonly seconds: number }[];
  readonly lastQueued: readonly { readonly family: Family; readonly seconds: number }[];
  /** Every attempt that got no answer or a bad one: `GET http://127.0.0.1:10256/healthz: connection refused`. */
  readonly problems: readonly string[];
}

/** The node's own addresses and the links they are on. */
export interface AddressesReport {
  readonly addresses: readonly { readonly link: string; readonly address: Address; readonly prefixLength: number }[];
  readonly links: readonly string[];
}
