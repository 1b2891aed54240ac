/**
 * Which tables nf_tables holds: `nft list tables`, see nft(8). It lists names only, so it is quick however large they
 * are, and it does not show the tables of iptables-legacy.
 *
 *     table ip nat
 *     table ip6 filter
 *     table ip kube-proxy
 */
import type { Family } from '../../proto/address.ts';
import type { Host } from '../host.ts';

export type NftTables =
  | { readonly state: 'ok'; readonly tables: readonly { readonly family: string; readonly name: string }[] }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'absent' };

const command = { program: 'nft', args: ['list', 'tables'], deadlineMs: 10_000, maxBytes: 1024 * 1024 };
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
  const nftFamily = family === 'ipv4' ? 'ip' : 'ip6';
  return nft.tables
    .filter((table) => table.family === nftFamily && iptablesNames.includes(table.name))
    .map(({ name }) => name);
}

/** Whether kube-proxy's nftables mode has a table here. */
export function hasKubeProxyTable(nft: NftTables): boolean {
  return (
    nft.state === 'ok' &&
    nft.tables.some(({ family, name }) => name === kubeProxyTable && (family === 'ip' || family === 'ip6'))
  );
}
