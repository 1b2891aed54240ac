/**
 * kube-proxy's running configuration as /configz shows it: `kubeproxy.config.k8s.io/v1alpha1` KubeProxyConfiguration.
 *
 *     {"kubeproxy.config.k8s.io":{"kind":"KubeProxyConfiguration","hostnameOverride":"node-a","mode":"iptables",
 *       "iptables":{"masqueradeBit":14,"masqueradeAll":false,"localhostNodePorts":true},
 *       "detectLocalMode":"ClusterCIDR","clusterCIDR":"10.244.0.0/16,fd00:10:244::/56","nodePortAddresses":null}}
 */
import type { Family, Prefix } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import { parsePrefix } from '../../proto/prefixes.ts';

/** The fields that make nodes differ. A field that is absent or of another type than documented is null. */
export interface KubeProxyConfiguration {
  /** Empty where kube-proxy takes the host's name. */
  readonly hostnameOverride: string | null;
  /** Empty = the platform's default, which is iptables. */
  readonly mode: string | null;
  readonly masqueradeAll: boolean | null;
  readonly masqueradeBit: number | null;
  readonly localhostNodePorts: boolean | null;
  readonly detectLocalMode: string | null;
  readonly clusterCidr: { readonly [family in Family]: Prefix | null };
  readonly bridgeInterface: string | null;
  readonly interfaceNamePrefix: string | null;
  /** `default` = nothing configured. */
  readonly nodePortAddresses: 'default' | 'primary' | readonly Prefix[] | null;
}

/**
 * Reads the body of /configz.
 * @returns null when it is no JSON with kube-proxy's configuration in it.
 */
export function readConfiguration(body: string): KubeProxyConfiguration | null {
  const root = fieldsOf(fieldsOf(parseJson(body))?.['kubeproxy.config.k8s.io']);
  if (root === null) return null;
  const mode = textOf(root.mode);
  // The mark and masqueradeAll stand once per mode; ipvs takes those of iptables.
  const section = fieldsOf(mode === 'nftables' ? root.nftables : root.iptables);
  const detectLocal = fieldsOf(root.detectLocal);
  return {
    hostnameOverride: textOf(root.hostnameOverride),
    mode,
    masqueradeAll: booleanOf(section?.masqueradeAll),
    masqueradeBit: bitOf(section?.masqueradeBit),
    localhostNodePorts: booleanOf(fieldsOf(root.iptables)?.localhostNodePorts),
    detectLocalMode: textOf(root.detectLocalMode),
    clusterCidr: clusterCidrOf(textOf(root.clusterCIDR) ?? ''),
    bridgeInterface: textOf(detectLocal?.bridgeInterface),
    interfaceNamePrefix: textOf(detectLocal?.interfaceNamePrefix),
    nodePortAddresses: nodePortAddressesOf(root.nodePortAddresses),
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function fieldsOf(value: unknown): { readonly [name: string]: unknown } | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function booleanOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

function bitOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 31 ? value : null;
}

function clusterCidrOf(text: string): KubeProxyConfiguration['clusterCidr'] {
  const prefixes = text
    .split(',')
    .map((part) => parsePrefix(part.trim()))
    .filter((prefix) => prefix !== null);
  const ofFamily = (family: Family) => prefixes.find((prefix) => familyOf(prefix) === family) ?? null;
  return { ipv4: ofFamily('ipv4'), ipv6: ofFamily('ipv6') };
}

function nodePortAddressesOf(value: unknown): KubeProxyConfiguration['nodePortAddresses'] {
  if (value === null || value === undefined) return 'default';
  if (!Array.isArray(value)) return null;
  if (value.length === 0) return 'default';
  if (value.length === 1 && value[0] === 'primary') return 'primary';
  const prefixes = value.map((part) => (typeof part === 'string' ? parsePrefix(part) : null));
  return prefixes.every((prefix) => prefix !== null) ? prefixes : null;
}
