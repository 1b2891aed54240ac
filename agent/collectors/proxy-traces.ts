/** Which proxies left traces on the node, whatever kube-proxy says of its mode: two at once mean left-over rules. */
import type { AddressesReport, IptablesReport, Part, ProxyTraces } from '../../proto/parts.ts';
import type { Host } from '../host.ts';
import { ipvsLink } from './addresses.ts';
import { hasKubeProxyTable, type NftTables } from './nft-tables.ts';

/** /proc/net/ip_vs has two head lines and then one line per virtual server, beginning with its protocol. */
const virtualServerPrefixes = ['TCP ', 'UDP ', 'SCTP ', 'FWM '];
const maxBytes = 64 * 1024 * 1024;

export interface TraceSources {
  readonly iptables: Part<IptablesReport>;
  readonly nftTables: NftTables;
  readonly addresses: Part<AddressesReport>;
}

/**
 * `absent` when nothing was there to look at; `failed` when any source failed. Of ipvs the link and virtual servers are
 * asked for: an empty link takes no packet, and virtual servers without it are another's (keepalived, kube-router).
 */
export async function collectProxyTraces(
  host: Host,
  { iptables, nftTables, addresses }: TraceSources,
  now: () => Date,
): Promise<Part<ProxyTraces>> {
  const virtualServers = await host.read('/proc/net/ip_vs', maxBytes);
  if (iptables.state === 'absent' && nftTables.state === 'absent' && addresses.state === 'absent') {
    return { state: 'absent' };
  }
  for (const source of [iptables, nftTables, addresses]) {
    if (source.state === 'failed') return { state: 'failed', reason: source.reason };
  }
  if (!virtualServers.ok && virtualServers.kind !== 'absent') {
    return { state: 'failed', reason: virtualServers.message };
  }
  const value: ProxyTraces = {
    iptables: iptables.state === 'ok' && iptables.value.serviceBackends.length > 0,
    nftables: hasKubeProxyTable(nftTables),
    ipvs:
      addresses.state === 'ok' &&
      addresses.value.links.includes(ipvsLink) &&
      (!virtualServers.ok || listsVirtualServer(virtualServers.bytes)),
  };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

function listsVirtualServer(bytes: Buffer): boolean {
  const lines = bytes.toString('latin1').split('\n');
  return lines.some((line) => virtualServerPrefixes.some((prefix) => line.startsWith(prefix)));
}
