/**
 * What the kubelet tells pods about names, out of its own configuration (KubeletConfiguration, kubelet.config.k8s.io) where
 * that is mounted:
 *
 *     clusterDNS: [10.96.0.10]
 *     clusterDomain: cluster.local
 *     resolvConf: /run/systemd/resolve/resolv.conf
 *
 * else out of the resolv.conf that it gave the agent's own pod, whose dnsPolicy is ClusterFirstWithHostNet.
 */
import { parse } from 'yaml';
import { type Address, parseAddress } from '../../../proto/address.ts';
import type { KubeletDns, ResolverSettings } from '../../../proto/parts.ts';

/** What its configuration says; null of a text that is none. */
export interface KubeletWord {
  readonly clusterDns: readonly Address[];
  readonly clusterDomain: string;
  readonly resolvConf: string;
}

const usualDomain = 'cluster.local';
const usualResolvConf = '/etc/resolv.conf';
const mostServers = 16;
const longestText = 253;

/** Nothing else of the file is looked at. */
export function readKubeletConfig(text: string): KubeletWord | null {
  const document = parsed(text);
  if (typeof document !== 'object' || document === null || !('kind' in document)) return null;
  const { kind, clusterDNS, clusterDomain, resolvConf } = document as Readonly<Record<string, unknown>>;
  if (kind !== 'KubeletConfiguration') return null;
  const servers = (Array.isArray(clusterDNS) ? clusterDNS : []).slice(0, mostServers);
  return {
    clusterDns: servers.flatMap((server) => parseAddress(String(server)) ?? []),
    // As resolv.conf is read: answers to `...svc.cluster.local..` would pass for answers to another question.
    clusterDomain: textOr(clusterDomain, usualDomain).replace(/\.$/, '').toLowerCase() || usualDomain,
    resolvConf: textOr(resolvConf, usualResolvConf),
  };
}

function parsed(text: string): unknown {
  try {
    // Aliases could make a small text a large document.
    return parse(text, { maxAliasCount: 0, logLevel: 'silent' });
  } catch {
    return null;
  }
}

function textOr(value: unknown, usual: string): string {
  return typeof value === 'string' && value !== '' && value.length <= longestText ? value : usual;
}

/**
 * What a resolv.conf that the kubelet wrote tells of its settings; null where no kubelet wrote it: pods' search lists begin
 * with `NAMESPACE.svc.DOMAIN svc.DOMAIN DOMAIN`.
 */
export function kubeletByPod(file: string, { search, nameservers }: ResolverSettings): KubeletDns | null {
  const [own = '', services = '', domain = ''] = search;
  const isPods = services === `svc.${domain}` && own.endsWith(`.${services}`) && domain !== '';
  if (!isPods || nameservers.length === 0) return null;
  return { file, clusterDns: nameservers, clusterDomain: domain, resolvConf: null, upstream: null };
}
