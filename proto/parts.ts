/**
 * What an agent reports beside the forwarding table: one part per collector, facts that it does not judge.
 */
import type { Address, Family, Prefix } from './address.ts';
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
  /** Syncs that failed, by what failed; empty where kube-proxy counts none of them. */
  readonly syncFailures: readonly SyncFailures[];
  /** Changes that kube-proxy has heard of from the API; null where it does not count them. */
  readonly serviceChanges: Counter | null;
  readonly endpointChanges: Counter | null;
  /**
   * Seconds within which 99 of 100 changes of endpoints were programmed, since kube-proxy's start: the upper bound of
   * the histogram's bucket, over both families the larger; null without any.
   */
  readonly programmingP99Seconds: number | null;
  /** Every attempt that got no answer or a bad one: `GET http://127.0.0.1:10256/healthz: connection refused`. */
  readonly problems: readonly string[];
}

/** A count that only rises. The collector computes what it rose by, on a monotonic clock. */
export interface Counter {
  readonly total: number;
  /** What it rose by within the window; 0 at the first reading. */
  readonly increase: number;
  /** Seconds between the two readings that `increase` is of; 0 at the first. */
  readonly windowSeconds: number;
  /** It fell since the last reading, so whoever counts was started anew: `increase` counts from zero. */
  readonly reset: boolean;
}

export interface SyncFailures {
  /** Null where kube-proxy does not tell the families apart. */
  readonly family: Family | null;
  readonly what: 'iptables-restore' | 'iptables-partial-restore' | 'nftables-sync';
  readonly counter: Counter;
}

/** One route of the node, of any table; rules and kinds as ip-route(8) names them. */
export interface NodeRoute {
  readonly family: Family;
  /** `main`, `local`, or a number. */
  readonly table: string;
  /** `unicast`, `local`, `blackhole`, ... */
  readonly kind: string;
  /** A prefix or an address as a prefix; `default` is 0.0.0.0/0 or ::/0. */
  readonly destination: Prefix;
  readonly link: string | null;
  readonly gateway: Address | null;
  readonly source: Address | null;
  /** Who made it: `kernel`, `bird`, ... */
  readonly protocol: string;
  readonly metric: number;
}

/** The routes of both families. */
export interface RoutesReport {
  readonly routes: LongExcerpt<NodeRoute>;
}

/** A list of at most 2,000; `total` counts all. */
export interface LongExcerpt<T> {
  readonly total: number;
  readonly first: readonly T[];
}

/** One network link, as `ip -d link` shows it. */
export interface NodeLink {
  readonly index: number;
  readonly name: string;
  /** `veth`, `bridge`, `vxlan`, ...; empty for a plain device. */
  readonly kind: string;
  /** `UP`, `DOWN`, `UNKNOWN`, `LOWERLAYERDOWN`, ... */
  readonly state: string;
  readonly mtu: number;
  readonly mac: string | null;
  /** The bridge it is a port of. */
  readonly master: string | null;
  /** Of a veth whose peer is in another namespace: the peer's index there, and that namespace's id here. */
  readonly peerIndex: number | null;
  readonly peerNamespaceId: number | null;
}

export interface LinksReport {
  readonly links: LongExcerpt<NodeLink>;
}

/** What the CNI files of the node say. */
export interface CniReport {
  /** Files in /etc/cni/net.d, in the order in which the runtime reads them. */
  readonly configurations: readonly CniConfiguration[];
  /** host-local's reservations: one for each network and address. */
  readonly reservations: LongExcerpt<{
    readonly network: string;
    readonly address: Address;
    readonly container: string;
    readonly link: string;
  }>;
}

export interface CniConfiguration {
  readonly file: string;
  /** The network's name; null where the file cannot be read. */
  readonly network: string | null;
  /** The plugins in their order: `bridge`, `portmap`. */
  readonly plugins: readonly string[];
  /** Why it cannot be read; null when it can. */
  readonly problem: string | null;
}

/** The node's own addresses and the links they are on. */
export interface AddressesReport {
  readonly addresses: readonly { readonly link: string; readonly address: Address; readonly prefixLength: number }[];
  readonly links: readonly string[];
}

/** The collectors' parts of one node. */
export interface NodeParts {
  readonly iptables: Part<IptablesReport>;
  readonly kubeProxy: Part<KubeProxyReport>;
  readonly addresses: Part<AddressesReport>;
  readonly proxyTraces: Part<ProxyTraces>;
  readonly routes: Part<RoutesReport>;
  readonly links: Part<LinksReport>;
  readonly cni: Part<CniReport>;
}

/** The name of a part on the wire. The profile travels like one. */
export type PartName = keyof NodeParts | 'profile';
