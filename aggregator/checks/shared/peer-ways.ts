/** By which links packets between this node's pods and another node's pods go, there and back. */
import type { Address, Prefix } from '../../../proto/address.ts';
import { familyOf } from '../../../proto/address.ts';
import type { NodeLink, NodeParts, NodeRoute } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import { flannelLink, isTunnel, overlayOf } from './overlay.ts';
import { firstAddress, peersOf } from './peers.ts';
import { lookUp } from './route-lookup.ts';

/** The one route to an address; null where there is none, several, or it cannot be told. */
export function onlyRoute({ routes }: Pick<NodeParts, 'routes'>, address: Address): NodeRoute | null {
  if (routes.state !== 'ok') return null;
  const found = lookUp(routes.value, address);
  return found.kind === 'route' && found.routes.length === 1 ? found.routes[0] : null;
}

/**
 * The link of this node at which packets of a peer's pods arrive, by the peer's own routes: its tunnel's counterpart, or
 * the link that has the address which the peer sends to. Null where that cannot be told.
 */
export function arrivalLink(view: NodeView, peer: NodeParts, ownRange: Prefix): string | null {
  const address = firstAddress(ownRange);
  const route = address === null ? null : onlyRoute(peer, address);
  if (route?.link == null || peer.links.state !== 'ok') return null;
  const link = peer.links.value.links.first.find(({ name }) => name === route.link);
  if (link === undefined) return null;
  if (isTunnel(link)) return counterpart(view, link);
  return route.gateway === null ? null : holderOf(view, route.gateway);
}

/** The tunnel here that is of the same kind and number. */
function counterpart({ parts: { links } }: NodeView, theirs: NodeLink): string | null {
  if (links.state !== 'ok') return null;
  const same = links.value.links.first.filter(
    ({ kind, vxlan }) => kind === theirs.kind && vxlan?.id === theirs.vxlan?.id && vxlan?.port === theirs.vxlan?.port,
  );
  return same.length === 1 ? (same[0]?.name ?? null) : null;
}

function holderOf({ parts: { addresses } }: NodeView, address: Address): string | null {
  if (addresses.state !== 'ok') return null;
  return addresses.value.addresses.find((one) => one.address === address)?.link ?? null;
}

/** The link by which this node sends to a peer's range. */
export function departureLink(view: NodeView, theirRange: Prefix): string | null {
  const address = firstAddress(theirRange);
  return address === null ? null : (onlyRoute(view.parts, address)?.link ?? null);
}

/** A range of each side, of the same family, for which routes are compared. */
export function rangePairs(own: readonly Prefix[], theirs: readonly Prefix[]): readonly (readonly [Prefix, Prefix])[] {
  return own.flatMap((one) => {
    const other = theirs.find((range) => familyOf(range) === familyOf(one));
    return other === undefined ? [] : [[one, other] as const];
  });
}

const calicoTunnels: readonly string[] = ['tunl0', 'vxlan.calico', 'vxlan-v6.calico', 'wireguard.cali', 'wg-v6.cali'];

/**
 * The tunnels that carry pods' packets to other nodes and are switched on: those of the CNI plugin, else those by which
 * the range of another node is reached. A node may have others, of administrators and other programs.
 */
export function tunnelsOfPods(view: NodeView): readonly NodeLink[] {
  const { links, routes } = view.parts;
  const tunnels = links.state === 'ok' ? links.value.links.first.filter((link) => isTunnel(link) && link.isUp) : [];
  if (tunnels.length === 0) return [];
  switch (overlayOf(view).kind) {
    case 'flannel-vxlan': {
      const own = new Set([flannelLink(view, 'ipv4')?.name, flannelLink(view, 'ipv6')?.name]);
      return tunnels.filter(({ name }) => own.has(name));
    }
    case 'calico':
      return tunnels.filter(({ name }) => calicoTunnels.includes(name));
    case 'cilium':
      // Its device takes anything: routes by another one say how large packets may be.
      return [];
    case 'flannel-host-gw':
    case 'other': {
      const ranges = peersOf(view, routes).flatMap(({ podCIDRs }) => podCIDRs);
      const used = new Set(ranges.map((range) => departureLink(view, range)));
      return tunnels.filter(({ name }) => used.has(name));
    }
  }
}
