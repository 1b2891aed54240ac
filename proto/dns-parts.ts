/** The part of L4: how names are resolved on the node, and what came of real lookups. */
import type { Address } from './address.ts';
import type { LongExcerpt } from './part.ts';

/** One resolv.conf(5). */
export interface ResolverSettings {
  readonly nameservers: readonly Address[];
  readonly search: readonly string[];
  /** 1 where it says nothing. */
  readonly ndots: number;
  /** The other options as written, at most 20. */
  readonly options: readonly string[];
}

export interface DnsReport {
  /** The node's own, with the file that it was read from; null = not readable. */
  readonly node: { readonly file: string; readonly settings: ResolverSettings } | null;
  /** Why not; null when it was. */
  readonly nodeUnreadBecause: string | null;
  /** What the kubelet gives pods; null = not known. */
  readonly kubelet: KubeletDns | null;
  readonly kubeletUnreadBecause: string | null;
  /** As pods see theirs; those that could not be read are counted. */
  readonly pods: LongExcerpt<PodResolver>;
  readonly podsUnread: number;
  readonly podsUnreadBecause: string | null;
  /** The node-local cache; null = no sign of one. */
  readonly nodeLocal: NodeLocalDns | null;
  /** The names that were asked for; null = lookups are off, or nothing could be asked yet. */
  readonly names: LookupNames | null;
  readonly lookups: readonly Lookup[];
  /** Why no lookups are made; null when they are. */
  readonly lookupsOffBecause: string | null;
}

export interface KubeletDns {
  /** Its configuration, or the resolv.conf that it gave the agent's own pod. */
  readonly file: string;
  readonly clusterDns: readonly Address[];
  readonly clusterDomain: string;
  /** The file that pods with dnsPolicy Default, CoreDNS among them, get their servers from; null = not told. */
  readonly resolvConf: string | null;
  /** What it says; null = not readable. */
  readonly upstream: ResolverSettings | null;
}

export interface PodResolver {
  /** The pod's UID by its processes' cgroup. */
  readonly uid: string;
  readonly settings: ResolverSettings;
}

/** NodeLocal DNSCache on this node. */
export interface NodeLocalDns {
  /** The addresses on its link, `169.254.20.10` among them as a rule. */
  readonly addresses: readonly Address[];
  /** The link that holds them; null = its address is named in resolv.conf, and no link holds it. */
  readonly link: string | null;
  readonly linkIsUp: boolean;
  /** Whether something listens at port 53 of them, UDP and TCP; null = not told. */
  readonly listens: { readonly udp: boolean; readonly tcp: boolean } | null;
}

export interface LookupNames {
  /** `kubernetes.default.svc.cluster.local.` */
  readonly cluster: string;
  /** Null = none is configured. */
  readonly external: string | null;
  /** Below the cluster's domain, and not there: must be NXDOMAIN. */
  readonly absent: string;
}

/** One name asked of one server by one protocol: what came of the newest attempts. */
export interface Lookup {
  readonly server: Address;
  readonly port: number;
  /** `service`: a cluster DNS Service address; `backend`: where the node's own table sends it; `node-local`; `upstream`. */
  readonly by: 'service' | 'backend' | 'node-local' | 'upstream';
  readonly protocol: 'udp' | 'tcp';
  readonly name: 'cluster' | 'external' | 'absent';
  /** Of the newest three; 3 when the window is full. */
  readonly sent: number;
  readonly answered: number;
  /** What they came to, the newest last: a code like `NXDOMAIN`, `NODATA` for NOERROR without an address, or the error. */
  readonly outcomes: readonly string[];
  /** Of the newest that is decided: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, ...; null = no answer, or none yet. */
  readonly rcode: string | null;
  /** Addresses in the newest answer, sorted, at most 8. */
  readonly addresses: readonly Address[];
  readonly truncated: boolean;
  /** Median of the answered, rounded up to a power of two; null = none. */
  readonly latencyMs: number | null;
  /** `timeout`, `ECONNREFUSED`, `bad answer: ...`; null = the newest was answered. */
  readonly error: string | null;
}
