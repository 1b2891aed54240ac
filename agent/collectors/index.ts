/** All collectors, in the order in which they run: a later one may use what an earlier one gathered. */
import type { AddressesReport, Part, ProxyTraces } from '../../proto/parts.ts';
import type { Host } from '../host.ts';
import { collectAddresses, ownAddresses } from './addresses.ts';
import { type IptablesReader, type IptablesReading, noIptablesReading, type Wishes } from './iptables.ts';
import type { KubeProxyReader, KubeProxyReading } from './kube-proxy.ts';
import { collectNftTables, type NftTables } from './nft-tables.ts';
import { collectProxyTraces } from './proxy-traces.ts';
import { noStandingFacts, type StandingFacts } from './standing-facts.ts';

/** What has been gathered of a node. */
export interface Gathered {
  readonly addresses: Part<AddressesReport>;
  readonly kubeProxy: KubeProxyReading;
  readonly nftTables: NftTables;
  readonly iptables: IptablesReading;
  readonly proxyTraces: Part<ProxyTraces>;
  readonly standing: StandingFacts;
}

export const nothingGathered: Gathered = {
  addresses: { state: 'absent' },
  kubeProxy: { part: { state: 'absent' }, configuration: null },
  nftTables: { state: 'absent' },
  iptables: noIptablesReading,
  proxyTraces: { state: 'absent' },
  standing: noStandingFacts,
};

export interface Tools {
  readonly host: Host;
  readonly now: () => Date;
  /** These remember earlier readings. */
  readonly iptables: IptablesReader;
  readonly kubeProxy: KubeProxyReader;
  readonly standing: () => Promise<StandingFacts>;
  readonly wishes: Wishes;
}

export type Collector = (tools: Tools, earlier: Gathered) => Promise<Partial<Gathered>>;

export const collectors: readonly Collector[] = [
  async ({ host, now }) => ({ addresses: await collectAddresses(host, now) }),
  async ({ kubeProxy }) => ({ kubeProxy: await kubeProxy.read() }),
  async ({ host }) => ({ nftTables: await collectNftTables(host) }),
  async ({ iptables, wishes }, { addresses, kubeProxy, nftTables }) => {
    const localAddresses = addresses.state === 'ok' ? ownAddresses(addresses.value) : [];
    const links = addresses.state === 'ok' ? addresses.value.links : null;
    const { configuration } = kubeProxy;
    return { iptables: await iptables.read({ localAddresses, links, configuration, nftTables }, wishes) };
  },
  async ({ host, now }, { addresses, nftTables, iptables }) => ({
    proxyTraces: await collectProxyTraces(host, { addresses, nftTables, iptables: iptables.part }, now),
  }),
  async ({ standing }) => ({ standing: await standing() }),
];
