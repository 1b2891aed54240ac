/** What the facts of two nodes show of the way between them, where probes get no answer. */
import type { Address } from '../../../proto/address.ts';
import type { Neighbour, NeighboursReport, NodeLink, NodeParts } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import { lookUp } from './route-lookup.ts';

/** A node, as the sender or receiver of packets. */
export interface End {
  readonly name: string;
  readonly parts: NodeParts;
}

/** Where packets are sent, and how large the least of them is that gets lost; null where all are. */
export interface Lost {
  readonly target: Address;
  readonly bytes: number | null;
}

/** The first hop from this node to an address of the peer that cannot work, in words; null where none is seen. */
export function badHopThere(view: NodeView, peer: End, lost: Lost): string | null {
  return badHop(view, peer, lost);
}

/** The same from the peer back to the address by which this node asked. */
export function badHopBack(view: NodeView, peer: End, { target, bytes }: Lost): string | null {
  const { addresses, probes } = view.parts;
  if (peer.parts.probes.state !== 'ok' || addresses.state !== 'ok' || probes.state !== 'ok') return null;
  const own = new Set<Address>(addresses.value.addresses.map((one) => one.address));
  // The source that the peer has seen, else an address that others ask this node at.
  const source =
    peer.parts.probes.value.heard.first.find(({ from, to }) => own.has(from) && to === target)?.from ??
    probes.value.listening.find((one) => one.includes(':') === target.includes(':'));
  const hop = source === undefined ? null : badHop(peer, view, { target: source, bytes });
  return hop === null ? null : `${hop}, on the way back to ${view.name}`;
}

function badHop(from: End, to: End, { target, bytes }: Lost): string | null {
  return brokenHop(from, to, target) ?? (bytes === null ? null : narrowEnd(to, { target, bytes }));
}

function brokenHop({ name, parts: { routes, links, neighbours } }: End, to: End, target: Address): string | null {
  if (routes.state !== 'ok') return null;
  const found = lookUp(routes.value, target);
  if (found.kind === 'none') return `${name} has no route to ${target}`;
  if (found.kind === 'refused') return `a route of ${name} drops packets to ${target}`;
  if (found.kind === 'unknown') return null;
  const [{ link: linkName, gateway }] = found.routes;
  const link = links.state === 'ok' ? links.value.links.first.find((one) => one.name === linkName) : undefined;
  if (link !== undefined && !link.isUp) return `${link.name} of ${name} is switched off`;
  if (neighbours.state !== 'ok' || link === undefined) return null;
  const next = gateway ?? target;
  const neighbour = neighbours.value.neighbours.first.find((one) => one.link === link.name && one.address === next);
  if (neighbour?.state === 'failed') return `${next} does not answer ${name} on ${linkName}`;
  const isTold = link.vxlan !== null && !link.vxlan.learning && isWhole(neighbours.value);
  const fault = isTold ? vxlanFault(link, { next, neighbour, report: neighbours.value }, to) : null;
  return fault === null ? null : `${link.name} of ${name} ${fault}`;
}

/** Of an IPv4 packet that carries another one by VXLAN. */
const overhead = 50;

/** An interface drops what is larger than its own MTU, and tells nobody. */
function narrowEnd({ name, parts }: End, { target, bytes }: { target: Address; bytes: number }): string | null {
  if (parts.links.state !== 'ok' || parts.addresses.state !== 'ok') return null;
  const links = parts.links.value.links.first;
  const holder = parts.addresses.value.addresses.find(({ address }) => address === target)?.link;
  const named = (wanted: string | null | undefined) => links.find((link) => link.name === wanted);
  const isOfPods = ['bridge', 'vxlan'].includes(named(holder)?.kind ?? '');
  const tunnel = links.find(({ vxlan, isUp }) => vxlan !== null && isUp);
  const uplink = named(isOfPods ? tunnel?.vxlan?.link : holder);
  const arriving = isOfPods ? bytes + overhead : bytes;
  if (uplink === undefined || uplink.mtu >= arriving) return null;
  return `${uplink.name} of ${name} takes packets of ${uplink.mtu} bytes at most, and these have ${arriving}`;
}

function isWhole({ neighbours, entries }: NeighboursReport): boolean {
  return neighbours.total === neighbours.first.length && entries.total === entries.first.length;
}

/** A VXLAN device that does not learn knows what it was told: the MAC address of the next hop, and where that is. */
function vxlanFault(
  link: NodeLink,
  known: { readonly next: Address; readonly neighbour: Neighbour | undefined; readonly report: NeighboursReport },
  to: End,
): string | null {
  const { next, neighbour, report } = known;
  const mac = neighbour?.mac ?? null;
  if (mac === null) return `knows no MAC address of ${next}`;
  const entries = report.entries.first.filter((one) => one.link === link.name && one.mac === mac);
  if (entries.length === 0) return `does not know where ${mac} is`;
  const { addresses, links } = to.parts;
  const own = addresses.state === 'ok' ? addresses.value.addresses.map(({ address }) => address) : null;
  if (own !== null && !entries.some(({ destination }) => own.includes(destination))) {
    return `sends packets for ${mac} to ${entries[0]?.destination}, which is not ${to.name}`;
  }
  const theirs =
    links.state === 'ok' ? links.value.links.first.find(({ vxlan }) => vxlan?.id === link.vxlan?.id) : undefined;
  return theirs?.mac == null || theirs.mac === mac ? null : `sends to ${mac}, and ${theirs.name} has ${theirs.mac}`;
}
