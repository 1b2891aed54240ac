/** How this node reaches the pods of other nodes, by what its CNI plugin says and by what is there. */
import type { Family } from '../../../proto/address.ts';
import type { NodeLink } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import { cniHere, isMultus } from './cni.ts';

export type Overlay =
  /** One route, neighbour and forwarding entry for each other node. */
  | { readonly kind: 'flannel-vxlan' }
  /** One route for each other node, by its address. */
  | { readonly kind: 'flannel-host-gw' }
  /** Routes that BIRD has learnt, or that Felix has written; ranges that the Node does not show. */
  | { readonly kind: 'calico' }
  /** One route for all; the rest is in maps of its own. */
  | { readonly kind: 'cilium' }
  /** Whatever else there is, or nothing known. */
  | { readonly kind: 'other' };

/**
 * By the annotations and the CNI configuration together: annotations say what should be there, also where it is not, but
 * those of a plugin that was replaced stay on the Node for good.
 */
export function overlayOf(view: NodeView): Overlay {
  const said = view.node?.cni ?? null;
  if (said?.flannel != null && isFlannels(view)) {
    if (said.flannel.backend === 'vxlan') return { kind: 'flannel-vxlan' };
    return { kind: said.flannel.backend === 'host-gw' ? 'flannel-host-gw' : 'other' };
  }
  const plugins = pluginsHere(view);
  if (plugins.includes('calico')) return { kind: 'calico' };
  if (plugins.includes('cilium-cni')) return { kind: 'cilium' };
  if (plugins.length > 0) return { kind: 'other' };
  if (said?.calico != null) return { kind: 'calico' };
  return { kind: said?.cilium == null ? 'other' : 'cilium' };
}

/** The plugins of the configuration that counts, and those that they call. */
export function pluginsHere(view: NodeView): readonly string[] {
  return (cniHere(view)?.configuration.settings ?? []).flatMap(({ type, delegates }) => [type, ...delegates]);
}

/** Whether the flannel that has written on the Node still works there. */
function isFlannels(view: NodeView): boolean {
  const settings = cniHere(view)?.configuration.settings ?? [];
  const plugins = pluginsHere(view);
  if (plugins.includes('flannel')) return true;
  if (plugins.includes('cilium-cni')) return false;
  // Canal: Calico's plugin makes the links, host-local gives addresses away, and flannel leads to other nodes.
  if (plugins.includes('calico')) return settings.some(({ ipam }) => ipam === 'host-local');
  // Anything else says nothing of flannel, and neither do files that are not known (k3s keeps them elsewhere); the file
  // that it writes at each start does, which lives until the next boot.
  const isOpen = settings.every((one) => isMultus(one) || one.ipam === null || one.ipam === 'host-local');
  return isOpen && view.parts.flannel.state === 'ok';
}

const tunnelKinds = ['vxlan', 'ipip', 'sit', 'gre', 'ip6tnl', 'wireguard', 'geneve'];

/** Whether packets that leave by this link are wrapped into others. */
export function isTunnel({ kind }: NodeLink): boolean {
  return tunnelKinds.includes(kind);
}

/** flannel's VXLAN device of a family: `flannel.1`, `flannel-v6.1`; of several the one whose MAC address it publishes. */
export function flannelLink(view: NodeView, family: Family): NodeLink | null {
  return flannelLinks(view)[family];
}

/** Those of both families. */
export function flannelLinks({ node, parts: { links } }: NodeView): { readonly [family in Family]: NodeLink | null } {
  const all = links.state === 'ok' ? links.value.links.first.filter(({ kind }) => kind === 'vxlan') : [];
  const flannel = node?.cni.flannel ?? null;
  const of = (start: string, published: string | null | undefined): NodeLink | null => {
    const own = all.filter(({ name }) => name.startsWith(start));
    return own.find(({ mac }) => mac === published) ?? own.find(({ isUp }) => isUp) ?? own[0] ?? null;
  };
  return { ipv4: of('flannel.', flannel?.vtepMac), ipv6: of('flannel-v6.', flannel?.vtepMacIpv6) };
}

/** A link of the node by its name. */
export function linkNamed({ parts: { links } }: Pick<NodeView, 'parts'>, name: string): NodeLink | null {
  return links.state === 'ok' ? (links.value.links.first.find((link) => link.name === name) ?? null) : null;
}
