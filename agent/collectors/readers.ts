/** What remembers earlier readings of a node: counts with what they rose by, rules that did not change, who was asked when. */
import type { Host } from '../host.ts';
import { CiliumReader } from './cilium.ts';
import { ConntrackReader } from './conntrack.ts';
import { DroppedPacketsReader } from './dropped-packets.ts';
import { HealthCheckReader } from './health-check-ports.ts';
import { IptablesReader } from './iptables.ts';
import { IpvsReader } from './ipvs.ts';
import { KernelReader } from './kernel-settings.ts';
import { KubeProxyReader } from './kube-proxy.ts';
import { NftablesReader } from './nftables.ts';
import { type StandingFacts, standingFactsReader } from './standing-facts.ts';

export interface Readers {
  readonly kubeProxy: KubeProxyReader;
  readonly iptables: IptablesReader;
  readonly nftables: NftablesReader;
  readonly ipvs: IpvsReader;
  readonly cilium: CiliumReader;
  readonly droppedPackets: DroppedPacketsReader;
  readonly healthChecks: HealthCheckReader;
  readonly conntrack: ConntrackReader;
  readonly kernel: KernelReader;
  readonly standing: () => Promise<StandingFacts>;
}

export interface Clocks {
  readonly now: () => Date;
  readonly monotonicMs: () => number;
}

/**
 * Readers that have read nothing yet.
 * @param keepsRules whether `explain` shall be answered and all owners be told, see IptablesReader.
 */
export function readersOf(host: Host, clocks: Clocks, keepsRules: boolean): Readers {
  return {
    kubeProxy: new KubeProxyReader(host, clocks),
    iptables: new IptablesReader(host, clocks.now, keepsRules),
    nftables: new NftablesReader(host, clocks.now, keepsRules),
    ipvs: new IpvsReader(host, clocks, keepsRules),
    cilium: new CiliumReader(host, clocks, keepsRules),
    droppedPackets: new DroppedPacketsReader(host, clocks),
    healthChecks: new HealthCheckReader(host, clocks),
    conntrack: new ConntrackReader(host, clocks),
    kernel: new KernelReader(host, clocks),
    standing: standingFactsReader(host, clocks),
  };
}
