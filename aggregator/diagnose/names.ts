/**
 * What a DNS name means to a pod: the names that its resolver tries (resolv.conf(5): search, ndots), and what each is in
 * the cluster's zone by the DNS specification of Kubernetes (github.com/kubernetes/dns/blob/master/docs/specification.md).
 *
 *     nameserver 10.96.0.10
 *     search shop.svc.cluster.local svc.cluster.local cluster.local
 *     options ndots:5
 */
import { type Address, parseAddress } from '../../proto/address.ts';
import type { DnsReport, ResolverSettings } from '../../proto/parts.ts';
import type { ClusterObjects, Pod, Service } from '../model/cluster.ts';
import type { Source } from './ends.ts';
import type { DiagnosisInput } from './input.ts';

export interface Resolver {
  readonly search: readonly string[];
  readonly ndots: number;
  /** Whom it asks; null = not known. */
  readonly nameservers: readonly Address[] | null;
  readonly clusterDomain: string;
  /** Where this is known from: `its resolv.conf`, `dnsPolicy ClusterFirst`. */
  readonly by: string;
}

const usualDomain = 'cluster.local';
const usualNdots = 5;

/** The part `dns` of a node; null where it was not told. */
export function dnsOf(input: DiagnosisInput, node: string | null): DnsReport | null {
  const facts = node === null ? null : input.node(node);
  if (facts?.isKnown !== true) return null;
  const { dns } = facts.view.parts;
  return dns.state === 'ok' ? dns.value : null;
}

/** How the source resolves names; null where that is not known: an address outside of the cluster. */
export function resolverOf(input: DiagnosisInput, source: Source): Resolver | null {
  if (source.kind === 'address') return null;
  const node = source.kind === 'node' ? source.node.name : source.pod.nodeName;
  const dns = dnsOf(input, node);
  const clusterDomain = (dns?.kubelet?.clusterDomain ?? usualDomain).replace(/\.$/, '');
  if (source.kind === 'node') return ofSettings(dns?.node?.settings ?? null, clusterDomain, "the node's resolv.conf");
  const seen = dns?.pods.first.find(({ uid }) => uid === source.pod.uid)?.settings;
  if (seen !== undefined) return ofSettings(seen, clusterDomain, 'its resolv.conf');
  return ofPolicy(source.pod, dns, clusterDomain);
}

function ofSettings(settings: ResolverSettings | null, clusterDomain: string, by: string): Resolver | null {
  return settings === null ? null : { ...settings, clusterDomain, by };
}

/** What the kubelet writes for a pod, by its dnsPolicy and dnsConfig. */
function ofPolicy({ namespace, hostNetwork, dns: asked }: Pod, dns: DnsReport | null, domain: string): Resolver | null {
  const said = asked?.policy ?? 'ClusterFirst';
  // The kubelet gives a pod of the host network its node's resolver, unless it asks for the cluster's by this name.
  const policy = hostNetwork && said === 'ClusterFirst' ? 'Default' : said;
  const by = `dnsPolicy ${said}${policy === said ? '' : ' in the network of its node'}`;
  const own = { clusterDomain: domain, by };
  const [nameservers, searches] = [asked?.nameservers ?? [], asked?.searches ?? []];
  const upstream = dns?.kubelet?.upstream ?? null;
  switch (policy) {
    case 'None':
      return { ...own, nameservers, search: searches, ndots: asked?.ndots ?? 1 };
    case 'Default':
      return {
        ...own,
        nameservers: upstream === null ? null : [...upstream.nameservers, ...nameservers],
        search: [...(upstream?.search ?? []), ...searches],
        ndots: asked?.ndots ?? upstream?.ndots ?? 1,
      };
    case 'ClusterFirst':
    case 'ClusterFirstWithHostNet': {
      const servers = dns?.kubelet?.clusterDns ?? null;
      const ofCluster = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
      return {
        ...own,
        nameservers: servers === null ? null : [...servers, ...nameservers],
        search: [...ofCluster, ...(upstream?.search ?? []), ...searches],
        ndots: asked?.ndots ?? usualNdots,
      };
    }
  }
}

/** The names that are tried, in order, each without a dot at its end. */
export function triedNames(name: string, { search, ndots }: Pick<Resolver, 'search' | 'ndots'>): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const dots = name.split('.').length - 1;
  const extended = search.filter((domain) => domain !== '' && domain !== '.').map((domain) => `${name}.${domain}`);
  return (dots >= ndots ? [name, ...extended] : [...extended, name]).map((one) => one.replace(/\.$/, '').toLowerCase());
}

export type Meaning =
  | { readonly kind: 'service'; readonly service: Service }
  | { readonly kind: 'pod'; readonly pod: Pod }
  /** In the cluster's zone, and nothing is there. */
  | { readonly kind: 'absent' }
  /** Not in the cluster's zone. */
  | { readonly kind: 'outside' };

/** What one whole name is. */
export function meaningOf(name: string, domain: string, objects: ClusterObjects): Meaning {
  if (name !== domain && !name.endsWith(`.${domain}`)) return { kind: 'outside' };
  const labels = name.slice(0, -domain.length - 1).split('.');
  const [kind, namespace = '', last = '', ...more] = labels.toReversed();
  if (kind === 'svc' && last !== '') {
    const service = objects.service(namespace, last);
    if (service === null) return { kind: 'absent' };
    if (more.length === 0) return { kind: 'service', service };
    return more.length === 1 ? memberOf(service, more[0] ?? '', objects) : { kind: 'service', service };
  }
  if (kind === 'pod' && last !== '') {
    const address = parseAddress(last.replaceAll('-', '.')) ?? parseAddress(last.replaceAll('-', ':'));
    const pod = address === null ? undefined : objects.podsWithAddress(address)[0];
    return pod === undefined ? { kind: 'absent' } : { kind: 'pod', pod };
  }
  return { kind: 'absent' };
}

/** `web-0.web.shop.svc`: a pod of a headless Service, by its host name. */
function memberOf(service: Service, host: string, objects: ClusterObjects): Meaning {
  const pod = [...objects.podsIn(service.namespace)].find(({ name }) => name === host);
  return pod === undefined ? { kind: 'absent' } : { kind: 'pod', pod };
}

/** Namespaces, the first five, in which a Service has this name. */
export function namespacesWith(serviceName: string, objects: ClusterObjects): readonly string[] {
  const found: string[] = [];
  for (const { namespace, name } of objects.services()) if (name === serviceName) found.push(namespace);
  return found.sort().slice(0, 5);
}
