/**
 * What makes nodes differ lawfully. Never part of a table entry: the aggregator reads it to compute what this very node
 * should do.
 */
import type { Address, Family, Prefix } from './address.ts';

/** A fact with where it was read, or why it could not be read. */
export type Sourced<T> =
  | {
      readonly value: T;
      readonly source: 'configz' | 'proxyMode' | 'metrics' | 'rules' | 'addresses' | 'api' | 'default';
    }
  | { readonly source: 'unknown'; readonly reason: string };

/** `ebpf`: Services are served by eBPF programs that nobody can read here; `none`: nobody serves them. */
export type DataplaneMode = 'iptables' | 'nftables' | 'ipvs' | 'cilium' | 'ebpf' | 'none';

/** kube-proxy's "local pod" match of one family: sources outside it are "not local". */
export type LocalDetector =
  | { readonly kind: 'prefix'; readonly prefix: Prefix }
  | { readonly kind: 'interface' /** `cni0`, or a prefix of names: `veth+` */; readonly pattern: string }
  | { readonly kind: 'none' };

export interface NodeProfile {
  readonly mode: Sourced<DataplaneMode>;
  /** As `v1.36.2`. */
  readonly kubeProxyVersion: Sourced<string>;
  /** The name kube-proxy takes for its node (hostnameOverride). */
  readonly nodeName: Sourced<string>;
  readonly families: readonly Family[];
  /** Every address of the node's own links, loopback included, service addresses on kube-ipvs0 left out. */
  readonly localAddresses: Sourced<readonly Address[]>;
  /** The addresses that answer nodePorts. */
  readonly nodePortAddresses: Sourced<'all' | 'primary' | readonly Prefix[]>;
  readonly localDetector: { readonly [family in Family]: Sourced<LocalDetector> };
  readonly masqueradeAll: Sourced<boolean>;
  readonly localhostNodePorts: Sourced<boolean>;
  /** kube-proxy's mark is 1 << markBit. */
  readonly markBit: Sourced<number>;
  /** Which endpoints are masqueraded when they reach themselves through a Service: newer releases of nftables mode list
   * those on the node itself, and IPVS does; no packet can tell the difference. */
  readonly hairpin: Sourced<'every-endpoint' | 'own-endpoints'>;
  /** Whether the node's own packets meet kube-proxy's refusals before they are translated, as in older releases of
   * nftables mode: what policy Local keeps from outside clients is dropped for the node itself then. */
  readonly refusesOwnFirst: Sourced<boolean>;
}

/** The value of a sourced fact, or the fallback when it is unknown. */
export function valueOr<T>(fact: Sourced<T>, fallback: T): T {
  return fact.source === 'unknown' ? fallback : fact.value;
}
