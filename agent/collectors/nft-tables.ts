/**
 * Which tables nf_tables holds: `nft list flowtables`, see nft(8). It prints every table, with the flow tables in it, and
 * reads nothing else: 4 MiB and no time that could be measured, however large the tables are. `nft list tables` prints
 * less and reads all rules first: 428 MiB and 4.5 s for 122,000 of them (nft 1.0.6). Neither shows the tables of
 * iptables-legacy.
 *
 *     table ip nat {
 *     }
 *     table inet filter {
 *     	flowtable f {
 *     		hook ingress priority filter
 *     	}
 *     }
 *     table ip kube-proxy {
 *     }
 */
import type { Family } from '../../proto/address.ts';
import type { Host } from '../host.ts';

export type NftTables =
  | { readonly state: 'ok'; readonly tables: readonly { readonly family: string; readonly name: string }[] }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'absent' };

const command = { program: 'nft', args: ['list', 'flowtables'], deadlineMs: 10_000, maxBytes: 1024 * 1024 };
/** iptables-nft prints tables of these names, and no others. */
const iptablesNames = ['raw', 'mangle', 'nat', 'filter', 'security'];
const kubeProxyTable = 'kube-proxy';

export async function collectNftTables(host: Host): Promise<NftTables> {
  const pieces: Uint8Array[] = [];
  const result = await host.run(command, (piece) => pieces.push(Uint8Array.from(piece)));
  if (!result.ok) {
    return result.kind === 'absent' ? { state: 'absent' } : { state: 'failed', reason: result.message };
  }
  const tables: { family: string; name: string }[] = [];
  for (const line of Buffer.concat(pieces).toString('utf8').split('\n')) {
    const [word, family, name] = line.trim().split(' ');
    if (word === 'table' && family !== undefined && name !== undefined) tables.push({ family, name });
  }
  return { state: 'ok', tables };
}

/** The tables of iptables-nft in one family; none where nft could not be asked. */
export function iptablesTables(nft: NftTables, family: Family): readonly string[] {
  if (nft.state !== 'ok') return [];
  return nft.tables
    .filter((table) => table.family === nftFamily(family) && iptablesNames.includes(table.name))
    .map(({ name }) => name);
}

/** The families for which kube-proxy has a table of nftables mode. */
export function kubeProxyFamilies(nft: NftTables): readonly Family[] {
  const named = nft.state === 'ok' ? nft.tables.filter(({ name }) => name === kubeProxyTable) : [];
  return (['ipv4', 'ipv6'] as const).filter((family) => named.some((table) => table.family === nftFamily(family)));
}

/** The family as nft(8) names it. */
export function nftFamily(family: Family): 'ip' | 'ip6' {
  return family === 'ipv4' ? 'ip' : 'ip6';
}

/** Tables in which portmap (`cni_hostport`) and CRI-O (`crio-hostports`) keep host ports, at most 20: `ip cni_hostport`. */
export function hostPortTables(nft: NftTables): readonly string[] {
  if (nft.state !== 'ok') return [];
  const named = nft.tables.filter(({ name }) => name.includes('hostport'));
  return named.map(({ family, name }) => `${family} ${name}`).slice(0, 20);
}

/** Whether kube-proxy's nftables mode has a table here. */
export function hasKubeProxyTable(nft: NftTables): boolean {
  return kubeProxyFamilies(nft).length > 0;
}
