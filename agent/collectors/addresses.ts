/**
 * The node's links and addresses: `ip -j addr`, see ip-address(8).
 *
 *     [{"ifindex":2,"ifname":"eth0","flags":["UP"],"addr_info":[
 *       {"family":"inet","local":"192.168.100.11","prefixlen":24,"scope":"global","label":"eth0"},
 *       {"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]}]
 */
import { type Address, parseAddress } from '../../proto/address.ts';
import type { AddressesReport, Part } from '../../proto/parts.ts';
import type { Host } from '../host.ts';

type LinkAddress = AddressesReport['addresses'][number];

const command = { program: 'ip', args: ['-j', 'addr'], deadlineMs: 10_000, maxBytes: 32 * 1024 * 1024 };
/** kube-proxy's ipvs mode binds every service address there; they are not the node's own. */
export const ipvsLink = 'kube-ipvs0';

/** Reads all addresses, loopback and link-local ones included, those on kube-ipvs0 left out. */
export async function collectAddresses(host: Host, now: () => Date): Promise<Part<AddressesReport>> {
  const pieces: Uint8Array[] = [];
  const result = await host.run(command, (piece) => pieces.push(Uint8Array.from(piece)));
  if (!result.ok) {
    return result.kind === 'absent' ? { state: 'absent' } : { state: 'failed', reason: result.message };
  }
  const value = readAddresses(Buffer.concat(pieces).toString('utf8'));
  if (value === null) return { state: 'failed', reason: 'ip -j addr printed something else than its list of links' };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

/**
 * The addresses by which a node takes part in the cluster, each once and sorted. Link-local IPv6 ones are left out: no
 * packet to a Service comes from them, and every pod's link brings one and takes it away again.
 */
export function ownAddresses({ addresses }: AddressesReport): readonly Address[] {
  const own = addresses.map(({ address }) => address).filter((address) => !/^fe[89ab][0-9a-f]:/.test(address));
  return [...new Set(own)].sort();
}

/**
 * Reads what `ip -j addr` printed.
 * @param of whose addresses are told: those of service addresses' own link as well, or not.
 * @returns null when the text is not what `ip -j addr` prints.
 */
export function readAddresses(text: string, of: 'the node' | 'kube-ipvs0 too' = 'the node'): AddressesReport | null {
  const links = parseList(text);
  if (links === null) return null;
  const names: string[] = [];
  const addresses: LinkAddress[] = [];
  for (const link of links) {
    const name = fieldOf(link, 'ifname');
    // ip leaves an empty object where a link went away while it was listing.
    if (typeof name !== 'string') continue;
    names.push(name);
    const own = fieldOf(link, 'addr_info');
    if (!Array.isArray(own) || (name === ipvsLink && of === 'the node')) continue;
    for (const entry of own) {
      const address = readEntry(name, entry);
      if (address === null) return null;
      addresses.push(address);
    }
  }
  return { addresses, links: names };
}

function readEntry(link: string, entry: unknown): LinkAddress | null {
  const local = fieldOf(entry, 'local');
  const prefixLength = fieldOf(entry, 'prefixlen');
  const address = typeof local === 'string' ? parseAddress(local) : null;
  return address !== null && typeof prefixLength === 'number' ? { link, address, prefixLength } : null;
}

function parseList(text: string): readonly unknown[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
