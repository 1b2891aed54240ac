/**
 * Who is asked for by which MAC address, and where VXLAN devices send packets for these: `ip -j neigh`, `bridge -j fdb`,
 * see ip-neighbour(8) and bridge(8).
 *
 *     [{"dst":"10.244.2.0","dev":"flannel.1","lladdr":"00:11:22:33:44:55","state":["PERMANENT"]}]
 *     [{"mac":"00:11:22:33:44:55","ifname":"flannel.1","dst":"192.168.100.12","flags":["self"],"state":"permanent"}]
 *
 * Most neighbours come and go, and are nobody's fault: of links that are no VXLAN device only those are told that were
 * written by hand or do not answer.
 */
import { parseAddress } from '../../../proto/address.ts';
import type { ForwardingEntry, LinksReport, Neighbour, NeighboursReport, Part } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { fieldOf, isEmptyObject, notAList, readIpList, readJsonList } from '../ip-list.ts';

const neighbourArgs = ['-j', 'neigh'] as const;
const entryArgs = ['-j', 'fdb'] as const;
const most = 2000;
/** Worth telling of links that are no VXLAN device. */
const lasting: readonly string[] = ['permanent', 'failed', 'incomplete'];
const macForm = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/**
 * Reads both.
 * @param links which of them are VXLAN devices; `absent` where that is not known, or neighbours were not recorded.
 */
export async function collectNeighbours(
  host: Host,
  links: Part<LinksReport>,
  now: () => Date,
): Promise<Part<NeighboursReport>> {
  if (links.state !== 'ok') return { state: 'absent' };
  const vxlans = new Set(links.value.links.first.filter(({ kind }) => kind === 'vxlan').map(({ name }) => name));
  const neighbours = await readIpList(host, neighbourArgs);
  if (neighbours.state !== 'ok') return neighbours;
  const told = readNeighbours(neighbours.list, vxlans);
  if (told === null) return { state: 'failed', reason: notAList(neighbourArgs) };
  const entries = await readEntries(host, vxlans);
  if (entries.state !== 'ok') return entries;
  const value = { neighbours: excerptOf(told), entries: excerptOf(entries.list) };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

function excerptOf<T>(items: readonly T[]) {
  return { total: items.length, first: items.slice(0, most) };
}

/** Those that are told, of VXLAN devices first: a cut takes what matters least. Null when the list is none. */
function readNeighbours(list: readonly unknown[], vxlans: ReadonlySet<string>): readonly Neighbour[] | null {
  const all: Neighbour[] = [];
  for (const entry of list) {
    if (isEmptyObject(entry)) continue;
    const neighbour = readNeighbour(entry);
    if (neighbour === null) return null;
    all.push(neighbour);
  }
  // The kernel lists them as its table lies in memory, which changes when it grows.
  const place = ({ link, address }: Neighbour) => `${vxlans.has(link) ? 0 : 1} ${link} ${address}`;
  return all.filter(({ link, state }) => vxlans.has(link) || lasting.includes(state)).sort(by(place));
}

function by<T>(place: (item: T) => string): (one: T, other: T) => number {
  return (one, other) => {
    const [a, b] = [place(one), place(other)];
    return a < b ? -1 : a > b ? 1 : 0;
  };
}

function readNeighbour(entry: unknown): Neighbour | null {
  const [address, link, mac] = ['dst', 'dev', 'lladdr'].map((name) => fieldOf(entry, name));
  const parsed = typeof address === 'string' ? parseAddress(address) : null;
  if (parsed === null || typeof link !== 'string') return null;
  const known = typeof mac === 'string' && macForm.test(mac) ? mac : null;
  return { link, address: parsed, mac: known, state: stateOf(fieldOf(entry, 'state')) };
}

function stateOf(states: unknown): Neighbour['state'] {
  const words = Array.isArray(states) ? states : [];
  for (const state of ['permanent', 'noarp', 'failed', 'incomplete'] as const) {
    if (words.includes(state.toUpperCase())) return state;
  }
  return 'resolved';
}

type EntriesRead =
  | { readonly state: 'ok'; readonly list: readonly ForwardingEntry[] }
  | Exclude<Part<never>, { readonly state: 'ok' }>;

/** Without a VXLAN device there are none, and nobody is asked. */
async function readEntries(host: Host, vxlans: ReadonlySet<string>): Promise<EntriesRead> {
  if (vxlans.size === 0) return { state: 'ok', list: [] };
  const read = await readJsonList(host, 'bridge', entryArgs);
  if (read.state !== 'ok') return read;
  const entries: ForwardingEntry[] = [];
  for (const entry of read.list) {
    if (isEmptyObject(entry)) continue;
    const [mac, link, destination] = ['mac', 'ifname', 'dst'].map((name) => fieldOf(entry, name));
    if (typeof mac !== 'string' || typeof link !== 'string') {
      return { state: 'failed', reason: notAList(entryArgs, 'bridge') };
    }
    const address = typeof destination === 'string' ? parseAddress(destination) : null;
    if (vxlans.has(link) && address !== null && macForm.test(mac)) entries.push({ link, mac, destination: address });
  }
  return { state: 'ok', list: entries.sort(by(({ link, mac, destination }) => `${link} ${mac} ${destination}`)) };
}
