/**
 * The one type for wanted and real: what a node does with packets to each service address.
 * The aggregator computes a table from Services and EndpointSlices (desired), the agent traces one out of the kernel's
 * rules (observed); the audit is the difference of the two.
 */
import type { Address, Backend, Family, Prefix } from './address.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/**
 * Where a packet starts.
 * `pod`: forwarded by this node, from a source that kube-proxy's "not local" match calls local (every source, if the
 * node has no such match). `node`: made on this node, from one of its own addresses.
 * `outside`: forwarded by this node, from any other source.
 */
export type Origin = 'pod' | 'node' | 'outside';
export const origins: readonly Origin[] = ['pod', 'node', 'outside'];

/** What a packet can be sent to. `node` = any of the node's own nodePort addresses. */
export interface Frontend {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly address: Address | 'node';
  readonly port: number;
}

declare const frontendKeyBrand: unique symbol;
/** Canonical text of a frontend: `tcp 10.96.0.1:443`, `tcp [fd00::1]:443`, `tcp node4:30080`, `udp node6:53`. */
export type FrontendKey = string & { readonly [frontendKeyBrand]: true };

/** Why a reader could not say what becomes of a packet. Stable codes; docs explain each. */
export const unknownReasons = [
  'unreadable-match',
  /** A match that can be read, and not be decided without the packet: a limit, a time, an owner, a client's port. */
  'undecided-match',
  'unreadable-target',
  'unreadable-rule',
  'set-not-read',
  /** Both iptables backends act on the packets, not alike, and no dump shows which is asked first. */
  'order-not-visible',
  /** Two service ports ask for one frontend and want different things of it. */
  'asked-twice',
  /** A raw rule exempts the packets from connection tracking (node-local DNS does): no service rule sees them. */
  'untracked',
  'address-dependent',
  'too-complex',
  'source-dependent',
  'interface-dependent',
  'node-addresses-unknown',
  'model-disagreement',
  /** The service table of a proxy that replaces kube-proxy could not be read. */
  'cilium',
] as const;
export type UnknownReason = (typeof unknownReasons)[number];

/** What every dataplane must agree on. */
export type Route =
  | {
      readonly action: 'forward';
      /** Sorted by text, each once. Never empty. */
      readonly backends: readonly Backend[];
      /** Seconds of client affinity; 0 = none; 'partial' = the rules give it to some backends or with unequal times. */
      readonly affinitySeconds: number | 'partial';
      /** The sources that are forwarded; 'any' = every source of this origin. Sorted, aggregated. */
      readonly sources: 'any' | readonly Prefix[];
      /** What becomes of this origin's other sources; 'drop' wherever `sources` is 'any'. */
      readonly otherwise: 'reject' | 'drop' | 'none';
    }
  /** Where some of the origin's sources are rejected and the others dropped, it is `reject`. */
  | { readonly action: 'reject' }
  | { readonly action: 'drop' }
  /** No rule takes the packet: it goes on un-NATed. */
  | { readonly action: 'none' }
  | { readonly action: 'unknown'; readonly reason: UnknownReason };

/** The whole of new connections, in the kernel's own unit (xt_statistic keeps probabilities as parts of 2^31). */
export const wholeShare = 2 ** 31;

/** `even` = each backend 1/n within rounding and nothing lost. */
export type Shares =
  | 'even'
  | {
      /** One number per backend, in the order of `backends`, parts of 2^31, rounded. */
      readonly parts: readonly number[];
      /** The part of new connections that leaves un-NATed. */
      readonly lost: number;
    };

/** `notLocal` is kept for readers that cannot tell the origins apart; `some` = only a part of this origin's sources. */
export type Masquerade = 'never' | 'notLocal' | 'always' | { readonly some: readonly Prefix[] };

/** How it is done; may differ between dataplanes. */
export interface Dress {
  readonly shares: Shares;
  readonly masquerade: Masquerade;
  /**
   * Whether a backend that connects to itself through the frontend is masqueraded: for all, some or no backends. Only
   * backends among the origin's forwarded sources count; `all` where none is. In modes that list the endpoints on the
   * node instead (NodeProfile.hairpin), it says how many of the backends are listed, whatever the origin.
   */
  readonly hairpin: 'all' | 'some' | 'none';
}

/** The fate of packets of one origin. `dress` is null unless the route forwards. */
export interface Fate {
  readonly route: Route;
  readonly dress: Dress | null;
}

export type Forwarding = { readonly [origin in Origin]: Fate };

export interface Entry {
  readonly frontend: Frontend;
  readonly forwarding: Forwarding;
}

/** frontend -> forwarding, of one node. A frontend that is absent is `none` for every origin. */
export type ForwardingTable = ReadonlyMap<FrontendKey, Entry>;

/** Which service port a rule claims to serve (`ns/name:port`), beside the table, never in a digest. */
export type OwnerHints = ReadonlyMap<FrontendKey, string>;
