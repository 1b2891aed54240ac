/** All collectors, in the order in which they run: a later one may use what an earlier one gathered. */
import type {
  AddressesReport,
  ConntrackReport,
  EbpfProxyReport,
  IptablesReport,
  KernelReport,
  KubeProxyReport,
  Part,
  ProxyTraces,
} from '../../proto/parts.ts';
import type { DataplaneMode, Sourced } from '../../proto/profile.ts';
import { modeOf } from '../dataplane-mode.ts';
import type { Host } from '../host.ts';
import { collectAddresses, ownAddresses } from './addresses.ts';
import type { CiliumReading } from './cilium.ts';
import { type DataplaneReading, nothingRead, type Wishes } from './dataplane-reading.ts';
import { describeEbpfProxy, showsCilium } from './ebpf-proxy.ts';
import { readingOf } from './forwarding.ts';
import { type IptablesReading, noIptablesReading } from './iptables.ts';
import { type IpvsReading, noIpvsReading } from './ipvs.ts';
import type { KubeProxyReading } from './kube-proxy.ts';
import { collectNftTables, type NftTables } from './nft-tables.ts';
import { type NftablesReading, noNftablesReading, unaskedNftablesReading } from './nftables.ts';
import { collectProxyTraces } from './proxy-traces.ts';
import type { Readers } from './readers.ts';
import { noStandingFacts, type StandingFacts } from './standing-facts.ts';

/** What has been gathered of a node. */
export interface Gathered {
  readonly addresses: Part<AddressesReport>;
  readonly kubeProxy: KubeProxyReading;
  readonly nftTables: NftTables;
  readonly iptables: IptablesReading;
  readonly nftables: NftablesReading;
  readonly ipvs: IpvsReading;
  readonly proxyTraces: Part<ProxyTraces>;
  readonly ebpfProxy: Part<EbpfProxyReport>;
  /** Null where Cilium does not show itself. */
  readonly cilium: CiliumReading | null;
  readonly mode: Sourced<DataplaneMode>;
  /** The reading of the dataplane that the node works with. */
  readonly dataplane: DataplaneReading;
  readonly conntrack: Part<ConntrackReport>;
  readonly kernel: Part<KernelReport>;
  readonly standing: StandingFacts;
}

export const nothingGathered: Gathered = {
  addresses: { state: 'absent' },
  kubeProxy: { part: { state: 'absent' }, configuration: null },
  nftTables: { state: 'absent' },
  iptables: noIptablesReading,
  nftables: noNftablesReading,
  ipvs: noIpvsReading,
  proxyTraces: { state: 'absent' },
  ebpfProxy: { state: 'absent' },
  cilium: null,
  mode: { source: 'unknown', reason: 'neither kube-proxy nor rules were read' },
  dataplane: nothingRead,
  conntrack: { state: 'absent' },
  kernel: { state: 'absent' },
  standing: noStandingFacts,
};

/** The node, and what remembers earlier readings of it. */
export interface Tools extends Readers {
  readonly host: Host;
  readonly now: () => Date;
  readonly wishes: Wishes;
}

export type Collector = (tools: Tools, earlier: Gathered) => Promise<Partial<Gathered>>;

export const collectors: readonly Collector[] = [
  async ({ host, now }) => ({ addresses: await collectAddresses(host, now) }),
  async ({ kubeProxy }) => ({ kubeProxy: await kubeProxy.read() }),
  async ({ host }) => ({ nftTables: await collectNftTables(host) }),
  async ({ iptables, wishes }, earlier) => ({ iptables: await iptables.read(rulesInput(earlier), wishes) }),
  async ({ nftables, wishes }, earlier) => ({
    nftables: isNftUnasked(earlier) ? unaskedNftablesReading : await nftables.read(rulesInput(earlier), wishes),
  }),
  async ({ ipvs, wishes }, earlier) => ({ ipvs: await ipvs.read(rulesInput(earlier), wishes) }),
  async ({ droppedPackets }, { iptables }) => ({
    iptables: { ...iptables, part: await droppedPackets.read(iptables.part) },
  }),
  async ({ healthChecks }, { kubeProxy, iptables, ipvs }) => {
    const ports = [...healthCheckPorts(iptables.part), ...ipvs.healthCheckPorts];
    return { kubeProxy: withHealthChecks(kubeProxy, await healthChecks.read(ports)) };
  },
  async ({ host, now }, { addresses, nftTables, iptables }) => ({
    proxyTraces: await collectProxyTraces(host, { addresses, nftTables, iptables: iptables.part }, now),
  }),
  async ({ standing }) => ({ standing: await standing() }),
  async ({ cilium: reader, now }, { addresses, kubeProxy, proxyTraces, iptables: { part }, standing: { cni } }) => {
    const chains = part.state === 'ok' ? part.value.proxyChains : [];
    const signs = { addresses, cni, chains, kubeProxy, proxyTraces };
    const cilium = showsCilium(signs) ? await reader.read() : null;
    return { cilium, ebpfProxy: describeEbpfProxy(signs, cilium, now) };
  },
  async (_tools, earlier) => {
    const mode = modeOf(earlier);
    const { iptables, nftables, ipvs } = earlier;
    const readings = { iptables, nftables, ipvs, cilium: ciliumIn(mode, earlier) };
    return { mode, dataplane: readingOf(mode, readings) };
  },
  async ({ conntrack }, { addresses, dataplane: { forwarding } }) => {
    const localAddresses = addresses.state === 'ok' ? ownAddresses(addresses.value) : [];
    const table = forwarding.state === 'ok' ? forwarding.value.table : null;
    return { conntrack: await conntrack.read({ table, localAddresses }) };
  },
  async ({ kernel }) => ({ kernel: await kernel.read() }),
];

/** No word of nft, where by kube-proxy's own word there must be tables: that is no absence of them. */
function isNftUnasked({ nftTables, kubeProxy: { part, configuration } }: Gathered): boolean {
  const mode = part.state === 'ok' ? part.value.mode : null;
  return nftTables.state === 'absent' && (mode ?? configuration?.mode) === 'nftables';
}

/** Beside kube-proxy Cilium lists services too: what becomes of packets, kube-proxy's rules say then. */
function ciliumIn(mode: Sourced<DataplaneMode>, { cilium }: Gathered): DataplaneReading {
  return mode.source !== 'unknown' && mode.value === 'cilium' && cilium !== null ? cilium : nothingRead;
}

/** The ports that kube-proxy's rules let load balancers ask. */
function healthCheckPorts(part: Part<IptablesReport>): readonly number[] {
  return part.state === 'ok' ? part.value.structures.flatMap((structure) => structure.healthCheckPorts) : [];
}

function withHealthChecks(reading: KubeProxyReading, healthChecks: KubeProxyReport['healthChecks']): KubeProxyReading {
  const { part } = reading;
  if (part.state !== 'ok' || healthChecks.length === 0) return reading;
  return { ...reading, part: { ...part, value: { ...part.value, healthChecks } } };
}

/** What rules are traced with. */
function rulesInput({ addresses, kubeProxy: { configuration }, nftTables }: Gathered) {
  const localAddresses = addresses.state === 'ok' ? ownAddresses(addresses.value) : [];
  const links = addresses.state === 'ok' ? addresses.value.links : null;
  return { localAddresses, links, configuration, nftTables };
}
