/** All collectors, in the order in which they run: a later one may use what an earlier one gathered. */
import type { AddressesReport, Part, ProxyTraces } from '../../proto/parts.ts';
import type { Host } from '../host.ts';
import { collectAddresses } from './addresses.ts';
import { type IptablesReader, type IptablesReading, noIptablesReading } from './iptables.ts';
import { collectKubeProxy, type KubeProxyReading } from './kube-proxy.ts';
import { collectNftTables, type NftTables } from './nft-tables.ts';
import { collectProxyTraces } from './proxy-traces.ts';

/** What has been gathered of a node. */
export interface Gathered {
  readonly addresses: Part<AddressesReport>;
  readonly kubeProxy: KubeProxyReading;
  readonly nftTables: NftTables;
  readonly iptables: IptablesReading;
  readonly proxyTraces: Part<ProxyTraces>;
}

export const nothingGathered: Gathered = {
  addresses: { state: 'absent' },
  kubeProxy: { part: { state: 'absent' }, configuration: null },
  nftTables: { state: 'absent' },
  iptables: noIptablesReading,
  proxyTraces: { state: 'absent' },
};

export interface Tools {
  readonly host: Host;
  readonly now: () => Date;
  /** Remembers the last reading. */
  readonly iptables: IptablesReader;
}

export type Collector = (tools: Tools, earlier: Gathered) => Promise<Partial<Gathered>>;

export const collectors: readonly Collector[] = [
  async ({ host, now }) => ({ addresses: await collectAddresses(host, now) }),
  async ({ host, now }) => ({ kubeProxy: await collectKubeProxy(host, now) }),
  async ({ host }) => ({ nftTables: await collectNftTables(host) }),
  async ({ iptables }, { addresses, kubeProxy, nftTables }) => {
    const localAddresses = addresses.state === 'ok' ? addresses.value.addresses.map(({ address }) => address) : [];
    const links = addresses.state === 'ok' ? addresses.value.links : null;
    const { configuration } = kubeProxy;
    return { iptables: await iptables.read({ localAddresses, links, configuration, nftTables }) };
  },
  async ({ host, now }, { addresses, nftTables, iptables }) => ({
    proxyTraces: await collectProxyTraces(host, { addresses, nftTables, iptables: iptables.part }, now),
  }),
];
