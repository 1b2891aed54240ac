/** A ConfigMap of cluster DNS in the API's form, of what dns-configuration.ts keeps of it. */
import type { DnsConfiguration } from '../model/cluster.ts';
import type { ListKind, ObjectJson } from './object-json.ts';

export const dnsConfigurationList: ListKind = { apiVersion: 'v1', kind: 'ConfigMapList' };

export function dnsConfigurationJson({ namespace, name, files }: DnsConfiguration): ObjectJson {
  return { metadata: { namespace, name }, data: files };
}
