/**
 * The typed view of one iptables rule: what a packet must be (matches) and what then happens to it (target).
 * Follows iptables-extensions(8) and the save functions of iptables 1.4 to 1.8.
 */

export interface RuleCounters {
  /** Exact up to 2^53; printing uses the dump's own digits. */
  readonly packets: number;
  readonly bytes: number;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly negated: boolean;
}

export interface AddressTypes {
  /** As the kernel names them: LOCAL, UNICAST, BROADCAST ... */
  readonly types: readonly string[];
  readonly negated: boolean;
}

/** Modules that no tracer decides: kept word for word. `negated` = some option of it stands behind a `!`. */
export type PlainMatchKind =
  | 'ah'
  | 'bpf'
  | 'cgroup'
  | 'cluster'
  | 'connbytes'
  | 'connlabel'
  | 'connlimit'
  | 'cpu'
  | 'devgroup'
  | 'dscp'
  | 'ecn'
  | 'esp'
  | 'hashlimit'
  | 'helper'
  | 'hl'
  | 'icmp'
  | 'icmp6'
  | 'iprange'
  | 'ipvs'
  | 'length'
  | 'limit'
  | 'mac'
  | 'owner'
  | 'physdev'
  | 'pkttype'
  | 'policy'
  | 'quota'
  | 'realm'
  | 'rpfilter'
  | 'socket'
  | 'string'
  | 'tcpmss'
  | 'time'
  | 'tos'
  | 'ttl'
  | 'u32';

export type TransportKind = 'tcp' | 'udp' | 'sctp' | 'udplite' | 'dccp';

export type Match =
  | { readonly kind: 'source' | 'destination'; readonly prefix: string; readonly negated: boolean }
  /** The name may end in `+`, which stands for any rest. */
  | { readonly kind: 'inInterface' | 'outInterface'; readonly name: string; readonly negated: boolean }
  | { readonly kind: 'protocol'; readonly protocol: string; readonly negated: boolean }
  | { readonly kind: 'fragment'; readonly negated: boolean }
  | {
      readonly kind: TransportKind;
      readonly sourcePorts: PortRange | null;
      readonly destinationPorts: PortRange | null;
      /** The words of other options, such as `--tcp-flags SYN,RST SYN`, `!` included. */
      readonly other: readonly string[];
    }
  /** The text without quotes and escapes. */
  | { readonly kind: 'comment'; readonly text: string }
  /** Probability in parts of 2^31, whole, as the kernel keeps it. */
  | { readonly kind: 'statistic'; readonly mode: 'random'; readonly probability: number; readonly negated: boolean }
  | {
      readonly kind: 'statistic';
      readonly mode: 'nth';
      readonly every: number;
      readonly packet: number;
      readonly negated: boolean;
    }
  | {
      readonly kind: 'recent';
      readonly action: 'set' | 'rcheck' | 'update' | 'remove';
      readonly name: string;
      readonly seconds: number | null;
      readonly hitcount: number | null;
      readonly reap: boolean;
      readonly ttl: boolean;
      readonly side: 'source' | 'dest';
      readonly mask: string | null;
      readonly negated: boolean;
    }
  /** True when (mark & mask) is value. */
  | { readonly kind: 'mark' | 'connmark'; readonly value: number; readonly mask: number; readonly negated: boolean }
  | {
      readonly kind: 'conntrack';
      readonly states: { readonly names: readonly string[]; readonly negated: boolean } | null;
      readonly other: readonly string[];
    }
  | { readonly kind: 'state'; readonly states: readonly string[]; readonly negated: boolean }
  | {
      readonly kind: 'addrtype';
      readonly sourceType: AddressTypes | null;
      readonly destinationType: AddressTypes | null;
      readonly limitIn: boolean;
      readonly limitOut: boolean;
    }
  | {
      readonly kind: 'multiport';
      readonly which: 'source' | 'destination' | 'either';
      readonly ports: readonly { readonly first: number; readonly last: number }[];
      readonly negated: boolean;
    }
  | { readonly kind: 'nfacct'; readonly name: string }
  | {
      readonly kind: 'set';
      readonly name: string;
      readonly dimensions: readonly ('src' | 'dst')[];
      readonly negated: boolean;
      readonly other: readonly string[];
    }
  | { readonly kind: PlainMatchKind; readonly words: readonly string[]; readonly negated: boolean }
  /** A module this package does not know; '' for options that stand outside any module. */
  | { readonly kind: 'other'; readonly module: string; readonly words: readonly string[]; readonly negated: boolean };

/** Targets that let the packet go on or end elsewhere; kept word for word. */
export type PlainTargetKind =
  | 'audit'
  | 'checksum'
  | 'classify'
  | 'clusterip'
  | 'connmark'
  | 'connsecmark'
  | 'ct'
  | 'dscp'
  | 'ecn'
  | 'hl'
  | 'hmark'
  | 'idletimer'
  | 'led'
  | 'log'
  | 'netmap'
  | 'nflog'
  | 'nfqueue'
  | 'notrack'
  | 'rateest'
  | 'secmark'
  | 'set'
  | 'synproxy'
  | 'tcpmss'
  | 'tcpoptstrip'
  | 'tee'
  | 'tos'
  | 'tproxy'
  | 'trace'
  | 'ttl'
  | 'ulog';

export type Target =
  /** `chain` need not be declared: a jump that dangles is legal text. */
  | { readonly kind: 'jump'; readonly chain: string; readonly goto: boolean }
  | { readonly kind: 'accept' | 'drop' | 'return' | 'queue' }
  | {
      readonly kind: 'dnat' | 'snat';
      /** Verbatim: `ip:port`, `ip`, `ip-ip:port-port`, `[ip6]:port`; '' when absent. */
      readonly to: string;
      readonly random: boolean;
      /** SNAT only. */
      readonly randomFully: boolean;
      readonly persistent: boolean;
      readonly other: readonly string[];
    }
  | {
      readonly kind: 'masquerade';
      readonly random: boolean;
      readonly randomFully: boolean;
      readonly toPorts: string | null;
      readonly other: readonly string[];
    }
  | {
      readonly kind: 'redirect';
      readonly toPorts: string | null;
      readonly random: boolean;
      readonly other: readonly string[];
    }
  /** '' when the dump names no kind of rejection. */
  | { readonly kind: 'reject'; readonly with: string }
  /** mark = (mark & ~mask) ^ value, both unsigned 32 bits: what `--set-xmark value/mask` does. */
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | { readonly kind: PlainTargetKind; readonly words: readonly string[] }
  /** A target this package does not know. */
  | { readonly kind: 'other'; readonly name: string; readonly words: readonly string[] }
  /** A rule without `-j`: it only counts. */
  | { readonly kind: 'none' };

export interface Rule {
  readonly chain: string;
  readonly counters: RuleCounters | null;
  readonly matches: readonly Match[];
  readonly target: Target;
  /** Why the rule cannot be read (`[unsupported revision]`, a value that is no value); null when it can. */
  readonly unreadable: string | null;
}
