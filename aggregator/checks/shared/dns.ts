/** Cluster DNS as nodes and the API show it: which Service it is, what lookups came to, where it is told what to do. */
import type { Address } from '../../../proto/address.ts';
import { familyOf } from '../../../proto/address.ts';
import { frontendKey } from '../../../proto/canonical.ts';
import type { FrontendKey } from '../../../proto/forwarding.ts';
import type { DnsReport, Lookup } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import type { ClusterObjects, EndpointSlice, Service } from '../../model/cluster.ts';
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

/** The servers that kubelets name, over these nodes. */
export function givenServers(views: readonly NodeView[]): ReadonlySet<Address> {
  return new Set(views.flatMap((view) => dnsOf(view)?.kubelet?.clusterDns ?? []));
}

export function addressesOf({ clusterIPs }: Service): readonly Address[] {
  return Object.values(clusterIPs).filter((address) => address !== undefined);
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

/** Why a lookup counts as failed, in words; null where it does not, or where too little is known. */
export function failureOf(lookup: Lookup): string | null {
  const { sent, rcode, error } = lookup;
  if (isSilent(lookup)) return error === null || error === 'timeout' ? 'no answer' : `no answer (${error})`;
  if (sent < fullWindow || rcode === null || isWell(lookup)) return null;
  if (lookup.name === 'absent') return `an answer to a name that is not there (${rcode})`;
  return rcode === 'NOERROR' ? 'an answer without an address' : rcode;
}

/** `10.244.1.4:53`, `[fd00::1]:53` */
export function serverText({ server, port }: Pick<Lookup, 'server' | 'port'>): string {
  return server.includes(':') ? `[${server}]:${port}` : `${server}:${port}`;
}
