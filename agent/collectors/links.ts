/**
 * The node's network links: `ip -j -d link`, see ip-link(8).
 *
 *     [{"ifindex":15,"link_index":2,"ifname":"veth6cec8cc5","mtu":1450,"master":"cni0","operstate":"UP",
 *       "address":"3a:7e:55:79:9c:fa","link_netnsid":12,"linkinfo":{"info_kind":"veth","info_slave_kind":"bridge"}}]
 *
 * The peer of a veth in the same namespace is told by its name (`link`) instead.
 */
import { type Address, parseAddress } from '../../proto/address.ts';
import type { LinksReport, NodeLink, Part, VxlanSettings } from '../../proto/parts.ts';
import type { Host } from '../host.ts';
import { fieldOf, isEmptyObject, notAList, readIpList } from './ip-list.ts';

const args = ['-j', '-d', 'link'] as const;
const most = 2000;
/** Links that come in pairs, one of them often in a pod. */
const pairs = ['veth', 'netkit'];
/** Those that have ends instead of MAC addresses. */
const tunnels = ['ipip', 'sit', 'gre', 'ip6tnl', 'ip6gre'];
const macForm = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** Reads all links, in the order of their indexes as ip prints them. */
export async function collectLinks(host: Host, now: () => Date): Promise<Part<LinksReport>> {
  const read = await readIpList(host, args);
  if (read.state !== 'ok') return read;
  const links: NodeLink[] = [];
  for (const entry of read.list) {
    if (isEmptyObject(entry)) continue;
    const link = readLink(entry);
    if (link === null) return { state: 'failed', reason: notAList(args) };
    links.push(link);
  }
  const value = { links: { total: links.length, first: links.slice(0, most) } };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

/** @returns null when the entry is no link. */
function readLink(entry: unknown): NodeLink | null {
  const index = fieldOf(entry, 'ifindex');
  const name = fieldOf(entry, 'ifname');
  const state = fieldOf(entry, 'operstate');
  const mtu = fieldOf(entry, 'mtu');
  if (!isCount(index) || !isCount(mtu) || typeof name !== 'string' || typeof state !== 'string') return null;
  const kind = fieldOf(fieldOf(entry, 'linkinfo'), 'info_kind') ?? '';
  const master = fieldOf(entry, 'master') ?? null;
  if (typeof kind !== 'string' || (master !== null && typeof master !== 'string')) return null;
  const flags = fieldOf(entry, 'flags');
  // Without them every link would look switched off.
  if (!Array.isArray(flags)) return null;
  const mac = fieldOf(entry, 'address');
  const peerIndex = pairs.includes(kind) ? fieldOf(entry, 'link_index') : undefined;
  const peerNamespace = pairs.includes(kind) ? fieldOf(entry, 'link_netnsid') : undefined;
  return {
    index,
    name,
    kind,
    state,
    isUp: flags.includes('UP'),
    mtu,
    // Tunnels have IP addresses here.
    mac: typeof mac === 'string' && macForm.test(mac) ? mac : null,
    master,
    peerIndex: isCount(peerIndex) ? peerIndex : null,
    // -1: the namespace has no id here.
    peerNamespaceId: isCount(peerNamespace) ? peerNamespace : null,
    promiscuous: flags.includes('PROMISC') || isPositive(fieldOf(entry, 'promiscuity')),
    hairpin: hairpinOf(entry),
    vxlan: kind === 'vxlan' ? vxlanOf(entry) : null,
    callsIptables: kind === 'bridge' ? callsOf(entry) : null,
    tunnel: tunnels.includes(kind) ? { local: addressIn(entry, 'local'), remote: addressIn(entry, 'remote') } : null,
  };
}

/** Null of what is no port of a bridge. */
function hairpinOf(entry: unknown): boolean | null {
  const info = fieldOf(entry, 'linkinfo');
  const isPort = fieldOf(info, 'info_slave_kind') === 'bridge';
  const hairpin = isPort ? fieldOf(fieldOf(info, 'info_slave_data'), 'hairpin') : null;
  return typeof hairpin === 'boolean' ? hairpin : null;
}

function vxlanOf(entry: unknown): VxlanSettings {
  const settings = infoOf(entry);
  const [id, port, link] = ['id', 'port', 'link'].map((name) => fieldOf(settings, name));
  return {
    id: isCount(id) ? id : 0,
    port: isCount(port) ? port : 0,
    local: addressIn(entry, 'local') ?? addressIn(entry, 'local6'),
    link: typeof link === 'string' ? link : null,
    learning: fieldOf(settings, 'learning') !== false,
  };
}

/** Numbers in the JSON of iproute2, `"nf_call_iptables":0`; newer ones print truth values. */
function callsOf(entry: unknown): NodeLink['callsIptables'] {
  const of = (name: string) => [1, true].includes((fieldOf(infoOf(entry), name) ?? 0) as number | boolean);
  return { ipv4: of('nf_call_iptables'), ipv6: of('nf_call_ip6tables') };
}

function infoOf(entry: unknown): unknown {
  return fieldOf(fieldOf(entry, 'linkinfo'), 'info_data');
}

/** `any` is none. */
function addressIn(entry: unknown, name: string): Address | null {
  const text = fieldOf(infoOf(entry), name);
  return typeof text === 'string' ? parseAddress(text) : null;
}

/** How many want all packets: a bridge of its ports, too, where the flag is only what somebody asked for. */
function isPositive(value: unknown): boolean {
  return isCount(value) && value > 0;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
