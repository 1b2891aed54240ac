/** The parts of L1 and L2: how the node, and each pod on it, is wired, and how other nodes are reached. */
import type { Address, Family, Prefix } from './address.ts';
import type { Counter, LongExcerpt } from './part.ts';

/** One network link, as `ip -d link` shows it. */
export interface NodeLink {
  readonly index: number;
  readonly name: string;
  /** `veth`, `bridge`, `vxlan`, ...; empty for a plain device. */
  readonly kind: string;
  /** `UP`, `DOWN`, `UNKNOWN`, `LOWERLAYERDOWN`, ... */
  readonly state: string;
  /** Whether it was switched on (flag UP), whatever its state. */
  readonly isUp: boolean;
  readonly mtu: number;
  readonly mac: string | null;
  /** The bridge it is a port of. */
  readonly master: string | null;
  /** Of a veth whose peer is in another namespace: the peer's index there, and that namespace's id here. */
  readonly peerIndex: number | null;
  readonly peerNamespaceId: number | null;
  /** It takes packets for others, too (flag PROMISC or a count of those who want that). */
  readonly promiscuous: boolean;
  /** Of a port of a bridge: whether packets may leave by the port they came from. */
  readonly hairpin: boolean | null;
  readonly vxlan: VxlanSettings | null;
  /** Of a bridge: whether what it passes on meets the rules of iptables, by its own setting; the kernel's may say so too. */
  readonly callsIptables: { readonly ipv4: boolean; readonly ipv6: boolean } | null;
  /** Of ipip, sit, gre and wireguard's like: the ends; null elsewhere. */
  readonly tunnel: { readonly local: Address | null; readonly remote: Address | null } | null;
}

export interface VxlanSettings {
  readonly id: number;
  /** UDP port; 0 = not told. */
  readonly port: number;
  readonly local: Address | null;
  /** The device below; null = whatever the routes say. */
  readonly link: string | null;
  /** Whether it learns where MAC addresses are; flannel and Calico write them instead. */
  readonly learning: boolean;
}

export interface LinksReport {
  readonly links: LongExcerpt<NodeLink>;
}

/** The node's own addresses and the links they are on. */
export interface AddressesReport {
  readonly addresses: readonly { readonly link: string; readonly address: Address; readonly prefixLength: number }[];
  readonly links: readonly string[];
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
  /** The gateway is taken to be on the link, whatever the addresses say. */
  readonly onlink: boolean;
  /** Largest packet by this route; null = as the link. */
  readonly mtu: number | null;
  /** The kernel calls it dead, or its link down: it is not used. */
  readonly isDead: boolean;
}

/** One rule of the routing policy database, see ip-rule(8). */
export interface RoutingRule {
  readonly family: Family;
  readonly priority: number;
  /** Null = all. */
  readonly from: Prefix | null;
  readonly to: Prefix | null;
  /** `0x100/0x100`; null = any mark. */
  readonly mark: string | null;
  readonly link: string | null;
  /** A table's name or number; null where the rule does something else. */
  readonly table: string | null;
  /** `lookup`, `blackhole`, `unreachable`, `prohibit`, `goto`, `nop`. */
  readonly action: string;
  /** Names of all else that it asks for (`not`, `ipproto`, `suppress_prefixlen`, ...), as ip prints them; null = nothing. */
  readonly further: string | null;
}

/** The routes of both families. */
export interface RoutesReport {
  /** Those of table main first. */
  readonly routes: LongExcerpt<NodeRoute>;
  /** Null = not read, so that they are taken for the usual three. */
  readonly rules: LongExcerpt<RoutingRule> | null;
}

/** Who is asked for by which MAC address. `resolved` stands for the states that come and go (REACHABLE, STALE, ...). */
export interface Neighbour {
  readonly link: string;
  readonly address: Address;
  readonly mac: string | null;
  readonly state: 'permanent' | 'noarp' | 'resolved' | 'incomplete' | 'failed';
}

/** Where a VXLAN device sends packets for a MAC address. */
export interface ForwardingEntry {
  readonly link: string;
  readonly mac: string;
  /** The other node. */
  readonly destination: Address;
}

/**
 * Neighbours of VXLAN links, and of other links those that were written by hand or do not answer; the forwarding
 * entries of VXLAN links.
 */
export interface NeighboursReport {
  readonly neighbours: LongExcerpt<Neighbour>;
  readonly entries: LongExcerpt<ForwardingEntry>;
}

/** Settings of the kernel (/proc/sys/net) that decide whether packets pass. Null = could not be told. */
export interface NetworkSettingsReport {
  /** `6.1.0-18-amd64`. */
  readonly kernel: string | null;
  readonly ipv4Forwarding: boolean | null;
  readonly ipv6Forwarding: boolean | null;
  /** Whether bridged packets meet iptables; `no-module`: br_netfilter is not there, so they do not. */
  readonly bridgeCallsIptables: boolean | 'no-module' | null;
  readonly bridgeCallsIp6tables: boolean | 'no-module' | null;
  /** 0 off, 1 strict, 2 loose; of `all`, which counts where it is larger than the link's. */
  readonly reversePathFilter: number | null;
  /** IPv4's settings of links that are no ports of a bridge, loopback left out. */
  readonly links: LongExcerpt<LinkSettings>;
}

export interface LinkSettings {
  readonly link: string;
  readonly forwarding: boolean | null;
  readonly reversePathFilter: number | null;
  readonly proxyArp: boolean | null;
}

/** Packets that were lost, by the protocols' own counts (/proc/net/snmp, /proc/net/netstat, ip -s link). */
export interface NetworkCountersReport {
  /** TcpExt IPReversePathFilter: strict or loose filtering took them for forged. */
  readonly reversePathDrops: Counter | null;
  /** Ip OutNoRoutes. */
  readonly noRoute: Counter | null;
  /** Udp InCsumErrors. */
  readonly udpChecksumErrors: Counter | null;
  /** Ip FragFails: too big, and not to be cut. */
  readonly fragmentationFailures: Counter | null;
  /** Ip ReasmFails. */
  readonly reassemblyFailures: Counter | null;
  /** Of uplinks, tunnels and bridges, at most 50. */
  readonly links: readonly LinkCounters[];
}

export interface LinkCounters {
  readonly link: string;
  readonly receiveErrors: Counter;
  readonly receiveDrops: Counter;
  readonly transmitErrors: Counter;
  readonly transmitDrops: Counter;
}

/** What network devices do in place of the kernel (ethtool -k), of VXLAN links. */
export interface OffloadsReport {
  readonly links: readonly {
    readonly link: string;
    /** tx-checksum-ip-generic; null = not told. */
    readonly transmitChecksum: boolean | null;
  }[];
}

/** What the CNI files of the node say. */
export interface CniReport {
  /** Files in /etc/cni/net.d, in the order in which the runtime reads them. */
  readonly configurations: readonly CniConfiguration[];
  /** host-local's reservations: one for each network and address. */
  readonly reservations: LongExcerpt<CniReservation>;
  /** What libcni keeps of each sandbox that it has wired. */
  readonly results: LongExcerpt<CniResult>;
  /** The folders of plugins that can be seen; empty = none can, which says nothing of plugins. */
  readonly pluginFolders: readonly {
    readonly path: string;
    /** Files that can be run, at most 200. */
    readonly executables: readonly string[];
  }[];
}

export interface CniReservation {
  readonly network: string;
  readonly address: Address;
  /** Id of the sandbox that it was made for; empty where the file tells none. */
  readonly container: string;
  readonly link: string;
}

export interface CniConfiguration {
  readonly file: string;
  /** The network's name; null where the file cannot be read. */
  readonly network: string | null;
  /** The plugins in their order: `bridge`, `portmap`. */
  readonly plugins: readonly string[];
  /** The same with their settings. */
  readonly settings: readonly CniPluginSettings[];
  /** Why it cannot be read; null when it can. */
  readonly problem: string | null;
}

/** What one plugin of a configuration is told, as far as the audit reads it; credentials are never read. */
export interface CniPluginSettings {
  readonly type: string;
  /** The plugin that gives addresses away (`ipam.type`); null = none named. */
  readonly ipam: string | null;
  /** Plugins that it calls itself, where the configuration names them (`delegate.type`, Multus' delegates). */
  readonly delegates: readonly string[];
  /** host-local's ranges (`ranges[][].subnet`, `subnet`). */
  readonly ranges: readonly Prefix[];
  readonly bridge: string | null;
  readonly mtu: number | null;
  readonly hairpin: boolean | null;
  /** Where host-local keeps its reservations; null = its default, /var/lib/cni/networks. */
  readonly stateFolder: string | null;
}

/** libcni's record of one interface of one sandbox: /var/lib/cni/results/NETWORK-CONTAINER-LINK. */
export interface CniResult {
  readonly network: string;
  readonly container: string;
  /** The link in the pod. */
  readonly link: string;
  /** Whose sandbox it is (K8S_POD_NAMESPACE and the like); null where that is not told. */
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string | null } | null;
  readonly addresses: readonly Address[];
  /** The links made on the node. */
  readonly nodeLinks: readonly string[];
  /** Name under /run/netns; null = not told. */
  readonly networkNamespace: string | null;
}

/** flannel's word to the CNI plugin: /run/flannel/subnet.env. */
export interface FlannelReport {
  /** FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK. */
  readonly networks: readonly Prefix[];
  /** FLANNEL_SUBNET: this node's ranges, and the bridge's address in each. */
  readonly subnets: readonly { readonly range: Prefix; readonly gateway: Address }[];
  readonly mtu: number | null;
  readonly masquerade: boolean | null;
}

/** What BIRD says of its protocols (`show protocols all`). */
export interface BirdReport {
  readonly protocols: LongExcerpt<BirdProtocol>;
}

export interface BirdProtocol {
  readonly daemon: 'bird' | 'bird6';
  readonly name: string;
  /** `BGP`, `Kernel`, `Device`, `Direct`, ... */
  readonly kind: string;
  /** `up`, `start`, `down`, ... */
  readonly state: string;
  /** Of BGP its own state: `Established`, `Active`, `Connect`, `Idle`, ...; empty elsewhere. */
  readonly info: string;
  /** As BIRD writes it. */
  readonly since: string;
  readonly neighbour: Address | null;
  readonly imported: number | null;
  readonly exported: number | null;
  /** `Received: Connection closed`, `Socket: Connection refused`; null = none. */
  readonly lastError: string | null;
}

/** The network namespaces of pods, seen through /proc without entering them. */
export interface PodNetworksReport {
  readonly pods: LongExcerpt<PodNetwork>;
  /** Pods whose processes ended while they were looked at, or whose files could not be read. */
  readonly unread: number;
  /** Why one of them could not be; null = none. */
  readonly problem: string | null;
}

export interface PodNetwork {
  /** Of the pod, out of its processes' cgroup; empty where `pod` names it. */
  readonly uid: string;
  /** In recordings that have pods by their names; null elsewhere. */
  readonly pod: { readonly namespace: string; readonly name: string } | null;
  /** Containers with a process, the sandbox among them: 64 hexadecimal digits each, sorted, at most 20. */
  readonly containers: readonly string[];
  /** `node`: its processes have the node's own namespace. */
  readonly namespace: 'own' | 'node';
  /** Without loopback; empty where the namespace is the node's. */
  readonly links: readonly { readonly name: string /** Null = not told. */; readonly index: number | null }[];
  /** Without loopback and link-local IPv6. */
  readonly addresses: readonly { readonly link: string; readonly address: Address; readonly prefixLength: number }[];
  readonly defaultRoutes: readonly {
    readonly family: Family;
    readonly link: string;
    readonly gateway: Address | null;
    /** Its link is down, or the kernel rejects what takes it. */
    readonly isDead: boolean;
  }[];
}

/** Pod sandboxes as the container runtime itself lists them. */
export interface SandboxesReport {
  /** `containerd v1.6.20`. */
  readonly runtime: string;
  readonly sandboxes: LongExcerpt<Sandbox>;
}

export interface Sandbox {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly attempt: number;
  readonly ready: boolean;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Null of one that is not ready, or of which the runtime did not tell it. */
  readonly network: SandboxNetwork | null;
}

export type SandboxNetwork =
  | { readonly of: 'node' }
  | {
      readonly of: 'pod';
      readonly addresses: readonly Address[];
      /** Name under /run/netns; null = not told. */
      readonly networkNamespace: string | null;
    };

/** Probes sent to one target in one size. */
export interface ProbeResult {
  /** The peer's name, as the aggregator gave it; empty of a Service. */
  readonly node: string;
  readonly address: Address;
  readonly port: number;
  readonly by: 'overlay' | 'node' | 'pod' | 'service' | 'endpoint';
  readonly size: 'small' | 'full';
  /** Of the whole IP packet; 0 of a connection. */
  readonly packetBytes: number;
  /** Of the newest three; 3 when the window is full. */
  readonly sent: number;
  readonly answered: number;
  /** Of the newest that is decided; null before the first. */
  readonly lastAnswered: boolean | null;
  /**
   * Why the newest could not even be sent (`EHOSTUNREACH`, `EPERM`), or what came in place of an answer: `ECONNREFUSED` from
   * a node where nobody listens, `EMSGSIZE` from a router; null = neither.
   */
  readonly error: string | null;
  /** Median of the answered, rounded up to a power of two; null = none. */
  readonly roundTripMs: number | null;
}

/** Probes of others that came here within the last 90 seconds. */
export interface HeardProbes {
  readonly from: Address;
  /** The node's own address that was asked. */
  readonly to: Address;
  readonly small: boolean;
  readonly full: boolean;
}

export interface ProbesReport {
  readonly listening: readonly Address[];
  readonly port: number;
  /** At most 128. */
  readonly results: readonly ProbeResult[];
  readonly heard: LongExcerpt<HeardProbes>;
  readonly refusedTargets: number;
  /** Why, the first ten. */
  readonly refusals: readonly string[];
}
