/** Cluster DNS as nodes and the API show it: which Service it is, what lookups came to, where it is told what to do. */
import type { Address } from '../../../proto/address.ts';
import { familyOf } from '../../../proto/address.ts';
import { frontendKey } from '../../../proto/canonical.ts';
import type { FrontendKey } from '../../../proto/forwarding.ts';
import type { DnsReport, Lookup } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import type { ClusterObjects, EndpointSlice, Pod, Service } from '../../model/cluster.ts';
import type { Subject } from '../../model/finding.ts';

export const dnsPort = 53;
/** A window is full with so many lookups: before, nothing is claimed. */
const fullWindow = 3;

/** Names of the Service in the distributions that do not call it kube-system/kube-dns. */
const otherNames: ReadonlySet<string> = new Set([
  'kube-system/coredns',
  'kube-system/rke2-coredns-rke2-coredns',
  'openshift-dns/dns-default',
]);

/** What a node told of names; null where it told nothing. */
export function dnsOf({ parts: { dns } }: NodeView): DnsReport | null {
  return dns.state === 'ok' ? dns.value : null;
}

/** The Services that nodes give their pods for names, and those that are called as such Services are. */
export function dnsServices(objects: ClusterObjects, given: ReadonlySet<Address>): readonly Service[] {
  return [...objects.services()].filter((service) => {
    if (service.type === 'ExternalName' || !service.ports.some(({ port }) => port === dnsPort)) return false;
    const key = `${service.namespace}/${service.name}`;
    const isUsual = key === 'kube-system/kube-dns' || otherNames.has(key);
    return isUsual || addressesOf(service).some((address) => given.has(address));
  });
}

/**
 * Those of them that pods are told to ask, directly or through the cache on their node. A Service that is called as cluster
 * DNS is may stand idle beside the one in use, as in clusters whose names a cloud answers (kube-dns scaled to nothing).
 * Where no node told what its kubelet gives, all of them.
 */
export function servicesInUse(objects: ClusterObjects, views: readonly NodeView[]): readonly Service[] {
  const given = givenServers(views);
  const services = dnsServices(objects, given);
  const caches = views.flatMap((view) => dnsOf(view)?.nodeLocal?.addresses ?? []);
  if (given.size === 0 || caches.some((address) => given.has(address))) return services;
  return services.filter((service) => addressesOf(service).some((address) => given.has(address)));
}

/** The servers that kubelets name, over these nodes. */
export function givenServers(views: readonly NodeView[]): ReadonlySet<Address> {
  return new Set(views.flatMap((view) => dnsOf(view)?.kubelet?.clusterDns ?? []));
}

export function addressesOf({ clusterIPs }: Service): readonly Address[] {
  return Object.values(clusterIPs).filter((address) => address !== undefined);
}

/** Whether its nameservers are those that the kubelet gives: it asks for them, and for no others beside. */
export function isHeldToKubelet({ hostNetwork, dns, terminating }: Pod): boolean {
  const policy = dns?.policy ?? 'ClusterFirst';
  return !hostNetwork && !terminating && policy === 'ClusterFirst' && (dns?.nameservers.length ?? 0) === 0;
}

/** The addresses that take connections for its port 53, of ready endpoints; with the port that the pods have. */
export function readyServers(
  slices: readonly EndpointSlice[],
  service: Service,
): readonly { address: Address; port: number }[] {
  const names = new Set(
    service.ports.filter(({ port }) => port === dnsPort).map(({ name, protocol }) => `${protocol} ${name}`),
  );
  return slices.flatMap(({ ports, endpoints }) => {
    const [port] = ports.filter(({ name, protocol }) => names.has(`${protocol} ${name}`));
    const usable = endpoints.filter(({ ready, serving, terminating }) => ready || (serving && terminating));
    return port === undefined ? [] : usable.map(({ address }) => ({ address, port: port.port }));
  });
}

/** `shop/dns:dns/udp` as a subject, for the frontend of an address at port 53. */
export function serviceSubject(
  { owners }: NodeView,
  { server, protocol }: Pick<Lookup, 'server' | 'protocol'>,
): Subject {
  const key = dnsFrontend(server, protocol);
  const owner = owners.get(key);
  if (owner === undefined) return { kind: 'Frontend', name: key, port: key, protocol };
  return { kind: 'Service', namespace: owner.namespace, name: owner.name, port: owner.portName, protocol };
}

export function dnsFrontend(address: Address, protocol: 'udp' | 'tcp'): FrontendKey {
  return frontendKey({ family: familyOf(address), protocol, address, port: dnsPort });
}

/** What the name of the cluster that is asked for must give: the addresses of the API's own Service. */
export function apiAddresses(objects: ClusterObjects): readonly Address[] {
  const api = [...objects.services()].find(({ namespace, name }) => namespace === 'default' && name === 'kubernetes');
  return api === undefined ? [] : addressesOf(api);
}

/**
 * What a node's lookups came to. Left out are answers without an address that are right: replicas with addresses of both
 * families are asked in both, and the API's Service has one (`ipFamilyPolicy: SingleStack`, always).
 */
export function lookupsOf(view: NodeView): readonly Lookup[] {
  const api = apiAddresses(view.objects);
  const isRightlyEmpty = ({ name, rcode, addresses, server }: Lookup) =>
    name === 'cluster' &&
    rcode === 'NOERROR' &&
    addresses.length === 0 &&
    api.length > 0 &&
    !api.some((address) => familyOf(address) === familyOf(server));
  return (dnsOf(view)?.lookups ?? []).filter((lookup) => !isRightlyEmpty(lookup));
}

/** Whether it was asked often enough that something can be claimed. */
export function isFull({ sent }: Lookup): boolean {
  return sent >= fullWindow;
}

/** No answer in a whole window. */
export function isSilent({ sent, answered }: Lookup): boolean {
  return sent >= fullWindow && answered === 0;
}

/** The newest was answered, and rightly: a name of the cluster with an address, one that is not there with NXDOMAIN. */
export function isWell({ name, rcode, addresses, answered }: Lookup): boolean {
  if (answered === 0 || rcode === null) return false;
  if (name === 'absent') return rcode === 'NXDOMAIN';
  return name === 'external'
    ? rcode === 'NOERROR' || rcode === 'NXDOMAIN'
    : rcode === 'NOERROR' && addresses.length > 0;
}

/** What is a right answer to each question. */
const rightOutcomes: Readonly<Record<Lookup['name'], readonly string[]>> = {
  cluster: ['NOERROR'],
  absent: ['NXDOMAIN'],
  external: ['NOERROR', 'NODATA', 'NXDOMAIN'],
};

/** Why a lookup counts as failed, in words; null where one of the newest three came to something right, or too few are known. */
export function failureOf(lookup: Lookup): string | null {
  const { name, sent, rcode, error, outcomes } = lookup;
  if (isSilent(lookup)) return error === null || error === 'timeout' ? 'no answer' : `no answer (${error})`;
  if (sent < fullWindow || outcomes.some((outcome) => rightOutcomes[name].includes(outcome))) return null;
  // No code of DNS begins with an E, and what the system calls its errors does.
  if (rcode === null) return `no answer after ${outcomes.findLast((outcome) => /^[A-DF-Z][A-Z]+$/.test(outcome))}`;
  if (name === 'absent' && rcode === 'NOERROR') return `an answer to a name that is not there (${rcode})`;
  return rcode === 'NOERROR' ? 'an answer without an address' : rcode;
}

/** `10.244.1.4:53`, `[fd00::1]:53` */
export function serverText({ server, port }: Pick<Lookup, 'server' | 'port'>): string {
  return server.includes(':') ? `[${server}]:${port}` : `${server}:${port}`;
}
