/**
 * NodeLocal DNSCache on this node (k8s.io/dns, cmd/node-cache): a dummy link `nodelocaldns` with a link-local address and
 * often that of the DNS Service, and a CoreDNS that listens there. Who listens stands in /proc/net/udp and tcp, addresses
 * as hexadecimal words in the byte order of the machine (proc_net(5)); 0A is LISTEN:
 *
 *       sl  local_address rem_address   st tx_queue ...
 *        1: 0A14FEA9:0035 00000000:0000 07 ...
 */
import type { Address } from '../../../proto/address.ts';
import type { AddressesReport, LinksReport, NodeLocalDns, Part } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';

const usualLink = 'nodelocaldns';
/** What its manifests and all guides name. */
const usualAddress = '169.254.20.10' as Address;
const fileBytes = 16 * 1024 * 1024;

/** Null where nothing tells of one. @param named addresses that resolv.conf files here name. */
export async function readNodeLocal(
  host: Host,
  { links, addresses }: { readonly links: Part<LinksReport>; readonly addresses: Part<AddressesReport> },
  named: readonly Address[],
): Promise<NodeLocalDns | null> {
  if (links.state !== 'ok' || addresses.state !== 'ok') return null;
  const held = addresses.value.addresses.find(({ link, address }) => link === usualLink || address === usualAddress);
  const name = held?.link ?? links.value.links.first.find((link) => link.name === usualLink)?.name ?? null;
  const isNamed = named.includes(usualAddress);
  if (name === null && !isNamed) return null;
  const own = addresses.value.addresses.flatMap(({ link, address }) => (link === name ? [address] : []));
  const link = links.value.links.first.find((one) => one.name === name);
  const all = [...new Set([...own, ...(isNamed ? [usualAddress] : [])])].sort();
  return {
    addresses: all,
    link: name,
    linkIsUp: link?.isUp ?? false,
    listens: await listensAt(host, all),
  };
}

/** Null where the kernel's lists could not be read. A listener at every address of IPv6 hears IPv4 too. */
async function listensAt(host: Host, addresses: readonly Address[]): Promise<NodeLocalDns['listens']> {
  const ends = new Set([anyIpv4, anyIpv6, ...addresses.flatMap(hexadecimal)].map((address) => `${address}:0035`));
  const isThere = async (protocol: 'udp' | 'tcp', state: string) => {
    const file = await host.read(`/proc/net/${protocol}`, fileBytes);
    // Without IPv6 there is no such file.
    const ofIpv6 = await host.read(`/proc/net/${protocol}6`, fileBytes);
    if (!file.ok) return null;
    const texts = [file, ofIpv6].flatMap((one) => (one.ok ? [one.bytes.toString('latin1')] : []));
    return texts.some((text) => listens(text, ends, state));
  };
  const [udp, tcp] = [await isThere('udp', '07'), await isThere('tcp', '0A')];
  return udp === null || tcp === null ? null : { udp, tcp };
}

const anyIpv4 = '00000000';
const anyIpv6 = '0'.repeat(32);

function listens(text: string, ends: ReadonlySet<string>, state: string): boolean {
  return text.split('\n').some((line) => {
    const [, local = '', , of] = line.trim().split(/\s+/);
    return of === state && ends.has(local);
  });
}

/** As the kernel of a little-endian machine prints it; of IPv6 the cache has none by default. */
function hexadecimal(address: Address): readonly string[] {
  if (address.includes(':')) return [];
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0').toUpperCase());
  return [octets.toReversed().join('')];
}
