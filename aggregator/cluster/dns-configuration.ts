/**
 * The ConfigMaps that configure cluster DNS: CoreDNS' own (RKE2 has another name for it), what it imports (k3s and AKS name it coredns-custom), and that
 * of NodeLocal DNSCache. No other ConfigMap is ever asked for.
 *
 *     "metadata": {"namespace": "kube-system", "name": "coredns"}, "data": {"Corefile": ".:53 {\n    errors\n ..."}
 */
import type { DnsConfiguration } from '../model/cluster.ts';
import { type Kind, readName } from './api-list.ts';
import { type Field, member, textMap } from './api-object.ts';
import { leftOut, withoutSecretLines } from './secrets.ts';

export const dnsNamespace = 'kube-system';

export const dnsConfigurationNames = [
  'coredns',
  'rke2-coredns-rke2-coredns',
  'coredns-custom',
  'node-local-dns',
] as const;

export const dnsConfigurationKind: Kind<DnsConfiguration> = { kind: 'ConfigMap', read: readDnsConfiguration };

/** Files that are read as parts of a Corefile; what else lies there (hosts, zones) is kept by its name alone. */
const corefileName = /^(?:Corefile.*|.+\.(?:server|override|conf))$/;

const longestFile = 65_536;
const mostFiles = 200;

/** Null of a ConfigMap about anything else. Lines that may hold a secret are left out of what is kept. */
function readDnsConfiguration(item: Field): DnsConfiguration | null {
  const { namespace, name } = readName(item);
  if (namespace !== dnsNamespace || !dnsConfigurationNames.some((known) => known === name)) return null;
  const data = Object.entries(textMap(member(item, 'data')) ?? {}).slice(0, mostFiles);
  const files = data.map(([key, content]) => [key, keptOf(key, content)] as const);
  return { namespace, name, files: Object.fromEntries(files) };
}

function keptOf(key: string, content: string): string {
  if (!corefileName.test(key)) return leftOut;
  if (content.length <= longestFile) return withoutSecretLines(content);
  // Its readers see that lines are missing.
  return `${withoutSecretLines(content.slice(0, longestFile - leftOut.length - 1))}\n${leftOut}`;
}
