/**
 * The addresses that the host-local plugin has given away, one file each in /var/lib/cni/networks/<network>/
 * (https://www.cni.dev/plugins/current/ipam/host-local/):
 *
 *     networks/labnet/10.244.1.10    d729e664ee791b3a...\r\neth0
 */
import { parseAddress } from '../../../proto/address.ts';
import type { CniReport } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { cut, entriesOf, type Found, type Listed } from './reading.ts';

export const reservationFolder = '/var/lib/cni/networks';
const mostNetworks = 1000;
/** As many addresses as a network of /16 has, and some files beside. */
export const mostNames = 70_000;
const mostReservations = 2000;
const reservationBytes = 4096;
/** The kernel's names of links have 15. */
const mostLinkLetters = 64;

type Reservation = CniReport['reservations']['first'][number];

/** Reads the reservations of all networks, the content of the first 2,000. */
export async function readReservations(
  host: Host,
  list: NonNullable<Host['list']>,
  networks: Found<Listed>,
): Promise<Found<CniReport['reservations']>> {
  if (!networks.ok) return networks;
  const link = networks.value.find(({ kind }) => kind === 'link');
  if (link !== undefined) {
    return { ok: false, reason: `${reservationFolder}/${link.name} is a symbolic link, which is not followed` };
  }
  const folders = networks.value.filter(({ kind }) => kind === 'folder');
  if (folders.length > mostNetworks) {
    return { ok: false, reason: `${reservationFolder} holds more than ${mostNetworks} networks` };
  }
  const first: Reservation[] = [];
  let total = 0;
  for (const { name: network } of folders) {
    const files = entriesOf(await list(`${reservationFolder}/${network}`, mostNames));
    if (!files.ok) return files;
    // Beside the reservations lie a lock and last_reserved_ip.0.
    const addresses = files.value.map(({ name }) => ({ name, address: parseAddress(name) }));
    for (const { name, address } of addresses) {
      if (address === null) continue;
      const isShown = first.length < mostReservations;
      const read = isShown ? await readReservation(host, `${reservationFolder}/${network}/${name}`) : null;
      if (read?.state === 'failed') return { ok: false, reason: read.reason };
      if (read?.state === 'absent') continue;
      total++;
      if (read !== null) first.push({ network: cut(network), address, container: read.container, link: read.link });
    }
  }
  return { ok: true, value: { total, first } };
}

/** Absent: it was given back meanwhile. A file that tells no container has an empty one. */
async function readReservation(host: Host, path: string) {
  const read = await host.read(path, reservationBytes);
  if (!read.ok && read.kind === 'absent') return { state: 'absent' } as const;
  if (!read.ok && read.kind !== 'too-long') return { state: 'failed', reason: read.message } as const;
  const [container = '', link = ''] = read.ok ? read.bytes.toString('utf8').split(/\r?\n/) : [];
  return { state: 'ok', container: cut(container.trim()), link: cut(link.trim(), mostLinkLetters) } as const;
}
