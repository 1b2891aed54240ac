/** The servers above cluster DNS: whom CoreDNS hands names on to, which need not be whom nodes ask. */
import type { Address } from '../../../proto/address.ts';
import { contains, parsePrefix, prefixSet } from '../../../proto/prefixes.ts';
import type { NodeView } from '../../model/check.ts';
import type { ClusterObjects } from '../../model/cluster.ts';
import { clusterCorefile, type ForwardPlugin } from './corefile.ts';
import { dnsOf } from './dns.ts';

/** Every `forward` of CoreDNS' Corefile, in its order. */
export function forwardPlugins(objects: ClusterObjects): readonly ForwardPlugin[] {
  const corefile = clusterCorefile(objects.dnsConfigurations());
  return (corefile?.servers ?? []).flatMap(({ plugins }) => plugins.filter((plugin) => plugin.kind === 'forward'));
}

/**
 * The servers in the resolv.conf that the kubelet hands on to pods with dnsPolicy Default, as CoreDNS has; null where that
 * is not known. The node's own file stands for it only where the kubelet says that it hands on that one.
 */
export function handedOn(view: NodeView): readonly Address[] | null {
  const dns = dnsOf(view);
  if (dns === null) return null;
  if (dns.kubelet?.upstream) return dns.kubelet.upstream.nameservers;
  const isNodes = dns.kubelet?.resolvConf === '/etc/resolv.conf';
  return isNodes ? (dns.node?.settings.nameservers ?? null) : null;
}

const loopback = prefixSet(['127.0.0.0/8', '::1/128'].flatMap((text) => parsePrefix(text) ?? []));

/** systemd-resolved's 127.0.0.53 and the like: above a node, and in the network of a pod the pod itself. */
export function isLoopback(address: Address): boolean {
  return contains(loopback, address);
}

/**
 * Whom CoreDNS asks for names outside of the cluster: servers that its Corefile names, and those of the files that it
 * names, as the kubelets of these nodes hand them on; not itself. Empty where none of it is known.
 */
export function serversAbove(objects: ClusterObjects, nodes: readonly NodeView[]): ReadonlySet<Address> {
  const targets = forwardPlugins(objects).flatMap(({ from, to }) => (from === '.' ? to : []));
  const named = targets.flatMap((target) => (target.kind === 'server' ? [target.address] : []));
  const isByFile = targets.some((target) => target.kind === 'file' && target.path === '/etc/resolv.conf');
  const given = isByFile ? nodes.flatMap((view) => handedOn(view) ?? []) : [];
  return new Set([...named, ...given].filter((address) => !isLoopback(address)));
}
