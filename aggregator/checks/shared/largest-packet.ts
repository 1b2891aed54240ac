/** How large a packet may be that a node sends to an address: the MTU of the route, or of its link. */
import type { Address } from '../../../proto/address.ts';
import type { NodeParts, NodeRoute } from '../../../proto/parts.ts';
import { lookUp } from './route-lookup.ts';

/** @returns bytes of an IP packet; null where routes or links do not say. Of several routes the narrowest counts. */
export function largestPacketTo({ routes, links }: NodeParts, address: Address): number | null {
  if (routes.state !== 'ok' || links.state !== 'ok') return null;
  const found = lookUp(routes.value, address);
  if (found.kind !== 'route') return null;
  const listed = links.value.links.first;
  const mtuOf = ({ mtu, link }: NodeRoute) => mtu ?? listed.find(({ name }) => name === link)?.mtu ?? null;
  const sizes = found.routes.map(mtuOf);
  const known = sizes.filter((size) => size !== null);
  return known.length === sizes.length ? Math.min(...known) : null;
}
