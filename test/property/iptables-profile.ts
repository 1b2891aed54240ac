/** The profile of a node in iptables mode, with kube-proxy's defaults where a test does not say otherwise. */
import type { Address } from '../../proto/address.ts';
import type { LocalDetector, NodeProfile, Sourced } from '../../proto/profile.ts';

export interface IptablesNode {
  readonly nodeName: string;
  readonly localAddresses: readonly Address[];
  readonly localDetector: { readonly ipv4: LocalDetector; readonly ipv6: LocalDetector };
  readonly masqueradeAll?: boolean;
  readonly markBit?: number;
}

export function iptablesProfile(node: IptablesNode): NodeProfile {
  return {
    mode: known('iptables'),
    kubeProxyVersion: known('v1.36.2'),
    nodeName: known(node.nodeName),
    families: ['ipv4', 'ipv6'],
    localAddresses: known(node.localAddresses),
    nodePortAddresses: known('all'),
    localDetector: { ipv4: known(node.localDetector.ipv4), ipv6: known(node.localDetector.ipv6) },
    masqueradeAll: known(node.masqueradeAll ?? false),
    localhostNodePorts: known(true),
    markBit: known(node.markBit ?? 14),
    hairpin: known('every-endpoint'),
    refusesOwnFirst: known(false),
  };
}

function known<T>(value: T): Sourced<T> {
  return { value, source: 'configz' };
}
