/**
 * What an agent reports: the forwarding table, and one part per collector with facts that it does not judge.
 */
import type { Address, Backend, Family, Prefix } from './address.ts';
import type { ForwardingTable, FrontendKey, Origin, OwnerHints, Protocol, UnknownReason } from './forwarding.ts';
import type {
  AddressesReport,
  BirdReport,
  CniReport,
  FlannelReport,
  LinksReport,
  NeighboursReport,
  NetworkCountersReport,
  NetworkSettingsReport,
  OffloadsReport,
  PodNetworksReport,
  ProbesReport,
  RoutesReport,
  SandboxesReport,
} from './network-parts.ts';
import type { DnsReport } from './dns-parts.ts';
import type { Counter, Excerpt, LongExcerpt, Part } from './part.ts';

export type * from './dns-parts.ts';
export type * from './network-parts.ts';
export type * from './part.ts';

/** The dataplanes that can be read. */
export type ReadMode = 'iptables' | 'nftables' | 'ipvs' | 'cilium';

/** What the node does with packets to service addresses, as the reader of its dataplane mode found it. */
export interface ForwardingReport {
  readonly mode: ReadMode;
  /** Where two dataplanes act on a frontend and disagree, its entry is unknown (order-not-visible). */
  readonly table: ForwardingTable;
  readonly owners: OwnerHints;
  /** Why a frontend that is not in the table may be served all the same; null = it is not. */
  readonly unlisted: UnknownReason | null;
}

export type IptablesBackend = 'legacy' | 'nft';

/** A jump that kube-proxy ensures from a base chain to one of its own, at each full sync. */
export interface BaseJump {
  /** `nat` or `filter`; in nftables mode kube-proxy's own table, `ip kube-proxy`. */
  readonly table: string;
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

/** A rule of somebody else that ends the way of packets to service addresses before kube-proxy's rules see them. */
export interface RuleAhead extends RuleLine {
  /** The jump that these packets do not get to. */
  readonly ahead: BaseJump;
  readonly origins: readonly Origin[];
  /** Whose packets it takes, of those that kube-proxy's chains list; the lists of all rules hold at most 2,000. */
  readonly frontends: LongExcerpt<FrontendKey>;
}

/** A rule of somebody else that changes kube-proxy's mark where kube-proxy reads it afterwards. */
export interface MarkRule extends RuleLine {
  readonly effect: 'sets' | 'clears';
}

/** What chain FORWARD of the filter table (and mangle before it) does with new, unmarked connections among pods. */
export type PodForwarding =
  | { readonly fate: 'accepted' }
  /** From and to whatever pod address; `by` null = the chain's policy. */
  | { readonly fate: 'dropped'; readonly by: RuleLine | null; readonly pods: 'any' | Prefix }
  /** `address-dependent`: some are dropped and some are not. */
  | { readonly fate: 'unknown'; readonly reason: UnknownReason };

/** A port of the node that rules beside kube-proxy's send to a backend. */
export interface HostPort {
  readonly protocol: Protocol;
  readonly port: number;
  /** The one address of the node that it is on; null = every one. */
  readonly address: Address | null;
  readonly backend: Backend;
}

/** What was dropped on its way to a frontend for want of an endpoint on this node. */
export interface DroppedPackets {
  readonly frontend: FrontendKey;
  readonly packets: Counter;
}

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
  /** Whether packets that connection tracking cannot place (ctstate INVALID) are dropped on their way through the node. */
  readonly dropsInvalid: boolean;
  readonly rulesAhead: Excerpt<RuleAhead>;
  /** Rules of nat KUBE-SERVICES behind the jump to KUBE-NODEPORTS, which kube-proxy writes last. */
  readonly rulesAfterNodePorts: Excerpt<RuleLine>;
  readonly markRules: Excerpt<MarkRule>;
  readonly podForwarding: PodForwarding;
  readonly hostPorts: LongExcerpt<HostPort>;
  /** The health check node ports that filter KUBE-NODEPORTS lets in, at most 2,000. */
  readonly healthCheckPorts: readonly number[];
  /** Rules that drop what comes to a Service with a Local policy and no endpoint here. */
  readonly localDrops: number;
  /** What those rules dropped; read at most once a minute, and nothing before. */
  readonly droppedPackets: Excerpt<DroppedPackets>;
}

/** How the iptables rules are built, in whatever mode kube-proxy is. */
export interface IptablesReport {
  /** One or two backends per family; empty when neither holds a rule. */
  readonly structures: readonly IptablesStructure[];
  /** Backends that hold kube-proxy's service rules. Two = mixed. */
  readonly serviceBackends: readonly IptablesBackend[];
  /** Chains that other service proxies make, at most 20: `nat CILIUM_POST_nat`. */
  readonly proxyChains: readonly string[];
  /** Tables of nf_tables, at most 20, in which CNI plugins and runtimes keep host ports: `ip cni_hostport`. */
  readonly hostPortTables: readonly string[];
}

/** How kube-proxy's nftables table of one family is built; the words are those of IptablesStructure. */
export interface NftablesStructure {
  readonly family: Family;
  readonly chains: number;
  readonly rules: number;
  /** Elements of its sets and maps. */
  readonly elements: number;
  readonly missingBaseJumps: readonly BaseJump[];
  /** Jumps, gotos and map elements that lead to an absent or empty chain. */
  readonly danglingJumps: Excerpt<DanglingJump>;
  readonly duplicateRules: Excerpt<DuplicateRule>;
  readonly unreadableRules: Excerpt<RuleLine>;
  readonly masqueradePath: MasqueradePath;
}

/** kube-proxy's own tables of nf_tables, one per family. */
export interface NftablesReport {
  readonly structures: readonly NftablesStructure[];
}

/** One virtual server of the kernel's load balancer. */
export interface VirtualServer {
  readonly protocol: Protocol;
  readonly address: Address;
  readonly port: number;
}

/** A real server that gets no new connections: its weight is 0. */
export interface DrainedServer {
  readonly server: VirtualServer;
  readonly backend: Backend;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  /** Whether the virtual server keeps clients with their real server. */
  readonly persistent: boolean;
  /** Seconds since this agent first saw it so, in whole minutes; 0 at the first reading. */
  readonly forSeconds: number;
  /** Of them, those since it last saw the connections become fewer, in whole minutes. */
  readonly sinceFallSeconds: number;
}

/** How IPVS and what kube-proxy puts around it are built. */
export interface IpvsReport {
  readonly virtualServers: number;
  readonly realServers: number;
  readonly drained: Excerpt<DrainedServer>;
  /** Virtual servers whose address no link of the node holds. */
  readonly unboundServers: Excerpt<VirtualServer>;
  /** Addresses on kube-ipvs0 that no virtual server has. */
  readonly idleAddresses: Excerpt<Address>;
  /** Settings under /proc/sys/net/ipv4/vs; null where the file cannot be read. */
  readonly connReuseMode: number | null;
  readonly expireQuiescentTemplate: number | null;
}

/** A proxy that can take kube-proxy's place: most with eBPF programs, Antrea and OVN with Open vSwitch, kube-router with
 * IPVS. */
export type EbpfProxy = 'cilium' | 'calico' | 'antrea' | 'kube-router' | 'ovn-kubernetes';

/** What shows that somebody else than kube-proxy serves Services here. */
export interface EbpfProxyReport {
  /** Null = no sign of one. */
  readonly proxy: EbpfProxy | null;
  /** Whether it really replaces kube-proxy, as far as can be told; false: it runs beside it. Null = cannot be told. */
  readonly replacesKubeProxy: boolean | null;
  /** What shows it, in words: `link cilium_host`, `chain CILIUM_POST_nat`. */
  readonly signs: readonly string[];
  /** Why its service table could not be read; null where it was, or where there is nobody. */
  readonly unreadBecause: string | null;
}

/** A flow of UDP in the kernel's connection table, all those with the same four ends taken together. */
export interface UdpFlow {
  readonly family: Family;
  /** Where clients send to. */
  readonly destination: Address;
  readonly port: number;
  /** Where the kernel sends it: the source of replies. Equal to the destination where nothing was translated. */
  readonly backend: Address;
  readonly backendPort: number;
  readonly flows: number;
  /** Those of them that never got an answer. */
  readonly unreplied: number;
  /**
   * Whether this listing and the one before show it though the rules made no such flow at either time; false = whatever
   * is wrong with it has come about since. Absent where that is not known: in a first listing, and without the rules.
   */
  readonly lasting?: boolean;
}

/** The kernel's connection tracking. */
export interface ConntrackReport {
  readonly count: number;
  readonly max: number;
  /** Of /proc/net/stat/nf_conntrack, over all CPUs; null where that cannot be read. */
  readonly drop: Counter | null;
  readonly earlyDrop: Counter | null;
  readonly insertFailed: Counter | null;
  /**
   * Flows to addresses and node ports that the forwarding table lists or listed in the last hour, those first that its
   * rules would not make now. Read once in a minute, less often where there are very many; null = not read.
   */
  readonly udp: LongExcerpt<UdpFlow> | null;
  /** Why `udp` was not read; null when it was. */
  readonly udpUnreadBecause: string | null;
}

/** Settings and locks of the kernel that decide how service packets fare. */
export interface KernelReport {
  /** net.netfilter.nf_conntrack_tcp_be_liberal; null = not read. */
  readonly conntrackTcpBeLiberal: boolean | null;
  /** Who holds the lock of the xtables tools now; null = nobody, or it cannot be told. */
  readonly xtablesLock: LockHolder | null;
}

/** A process that holds a lock. Names of programs are cut at 15 characters, as the kernel keeps them. */
export interface LockHolder {
  readonly pid: number;
  readonly program: string;
  /** The program that started it; null where that cannot be told. */
  readonly parent: string | null;
  /** Seconds for which readings have seen the same holder. */
  readonly heldSeconds: number;
  /** How many others wait for it now. */
  readonly waiting: number;
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
  /** The same of how long its syncs took. */
  readonly syncP99Seconds: number | null;
  /** What answers on the health check node ports that the rules name; empty where none does, or none was asked yet. */
  readonly healthChecks: readonly HealthCheckAnswer[];
  /** Every attempt that got no answer or a bad one: `GET http://127.0.0.1:10256/healthz: connection refused`. */
  readonly problems: readonly string[];
}

/** What one health check node port answered on loopback; kube-proxy's word for load balancers. */
export interface HealthCheckAnswer {
  readonly port: number;
  /** Null = no answer; `problem` says why. */
  readonly status: number | null;
  /** `ns/name`, as the answer has it; null where it names none, so that somebody else answers. */
  readonly service: string | null;
  readonly localEndpoints: number | null;
  /** Whether kube-proxy calls itself healthy; null from releases that do not say. */
  readonly proxyHealthy: boolean | null;
  readonly problem: string | null;
}

export interface SyncFailures {
  /** Null where kube-proxy does not tell the families apart. */
  readonly family: Family | null;
  readonly what: 'iptables-restore' | 'iptables-partial-restore' | 'nftables-sync' | 'nftables-cleanup';
  readonly counter: Counter;
}

/** The collectors' parts of one node. */
export interface NodeParts {
  /** `absent` where no reader knows the node's dataplane mode. */
  readonly forwarding: Part<ForwardingReport>;
  readonly iptables: Part<IptablesReport>;
  /** `absent` where kube-proxy has no table in nf_tables. */
  readonly nftables: Part<NftablesReport>;
  /** `absent` where the kernel has no IPVS. */
  readonly ipvs: Part<IpvsReport>;
  readonly ebpfProxy: Part<EbpfProxyReport>;
  readonly conntrack: Part<ConntrackReport>;
  readonly kernel: Part<KernelReport>;
  readonly kubeProxy: Part<KubeProxyReport>;
  readonly addresses: Part<AddressesReport>;
  readonly proxyTraces: Part<ProxyTraces>;
  readonly routes: Part<RoutesReport>;
  readonly links: Part<LinksReport>;
  readonly neighbours: Part<NeighboursReport>;
  readonly networkSettings: Part<NetworkSettingsReport>;
  readonly networkCounters: Part<NetworkCountersReport>;
  /** `absent` where the node has no tunnel whose offloads matter. */
  readonly offloads: Part<OffloadsReport>;
  readonly cni: Part<CniReport>;
  /** `absent` where flannel has written none. */
  readonly flannel: Part<FlannelReport>;
  /** `absent` where no BIRD runs. */
  readonly bird: Part<BirdReport>;
  readonly podNetworks: Part<PodNetworksReport>;
  /** `absent` unless the user has turned it on. */
  readonly sandboxes: Part<SandboxesReport>;
  /** `absent` where probes are off. */
  readonly probes: Part<ProbesReport>;
  /** `absent` in recordings that have none of it. */
  readonly dns: Part<DnsReport>;
}

/** The name of a part on the wire. The profile travels like one. */
export type PartName = keyof NodeParts | 'profile';
