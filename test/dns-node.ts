/** A node as it tells of names, for tests that say what is special: `dnsReport({ lookups: [lookup({ by: 'service' })] })`. */
import type { NodeView } from '../aggregator/model/check.ts';
import type { ClusterObjects, ClusterSnapshot, Service } from '../aggregator/model/cluster.ts';
import type { Address } from '../proto/address.ts';
import type { DnsReport, Lookup, ResolverSettings } from '../proto/parts.ts';
import { address, pod, service, slice } from './builders.ts';
import { everyone, forwardTo, nodeView, objects, reported } from './view-builders.ts';

const dnsAddress = address('10.96.0.10');
export const replicas: readonly [Address, Address] = [address('10.244.1.4'), address('10.244.2.4')];

export function resolver(changes: Partial<ResolverSettings> = {}): ResolverSettings {
  return {
    nameservers: [dnsAddress],
    search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
    ndots: 5,
    options: [],
    ...changes,
  };
}

/** Three lookups of the cluster's own name at the Service's address, by UDP, all answered. */
export function lookup(changes: Partial<Lookup> = {}): Lookup {
  const told: Omit<Lookup, 'outcomes'> = {
    server: changes.by === 'backend' ? replicas[0] : dnsAddress,
    port: 53,
    by: 'service',
    protocol: 'udp',
    name: 'cluster',
    sent: 3,
    answered: 3,
    rcode: changes.name === 'absent' ? 'NXDOMAIN' : 'NOERROR',
    addresses: changes.name === 'absent' ? [] : [address('10.96.0.1')],
    truncated: false,
    latencyMs: 1,
    error: null,
    ...changes,
  };
  return { ...told, outcomes: changes.outcomes ?? Array.from({ length: told.sent }, () => codeOf(told)) };
}

/** All came to the same, unless a test says otherwise. */
function codeOf({ error, rcode, addresses }: Omit<Lookup, 'outcomes'>): string {
  if (rcode === null) return error ?? 'timeout';
  return rcode === 'NOERROR' && addresses.length === 0 ? 'NODATA' : rcode;
}

export const silent = { answered: 0, rcode: null, addresses: [], latencyMs: null, error: 'timeout' } as const;
export const failed = { rcode: 'SERVFAIL', addresses: [] } as const;

export function dnsReport(changes: Partial<DnsReport> = {}): DnsReport {
  return {
    node: {
      file: '/etc/resolv.conf',
      settings: resolver({ nameservers: [address('192.0.2.53')], search: [], ndots: 1 }),
    },
    nodeUnreadBecause: null,
    kubelet: {
      file: '/var/lib/kubelet/config.yaml',
      clusterDns: [dnsAddress],
      clusterDomain: 'cluster.local',
      resolvConf: '/etc/resolv.conf',
      upstream: null,
    },
    kubeletUnreadBecause: null,
    pods: { total: 0, first: [] },
    podsUnread: 0,
    podsUnreadBecause: null,
    nodeLocal: null,
    names: null,
    lookups: [],
    lookupsOffBecause: null,
    ...changes,
  };
}

/** kube-system/kube-dns with two replicas, on node-a and node-b. */
const kubeDns: Service = {
  ...service('kube-system/kube-dns').clusterIP('10.96.0.10').port(53, 'dns', 'udp').port(53, 'dns-tcp', 'tcp').built,
  selector: { 'k8s-app': 'kube-dns' },
};

export function dnsSnapshot(changes: Partial<ClusterSnapshot> = {}): Partial<ClusterSnapshot> {
  const labels = { 'k8s-app': 'kube-dns' };
  const dns = { policy: 'Default', nameservers: [], searches: [], ndots: null } as const;
  return {
    services: [kubeDns],
    endpointSlices: [
      slice('kube-system/kube-dns')
        .port(53, 'dns', 'udp')
        .port(53, 'dns-tcp', 'tcp')
        .ready(replicas[0])
        .ready(replicas[1]).built,
    ],
    pods: [
      { ...pod('kube-system/coredns-1', 'node-a', replicas[0]), labels, dns },
      { ...pod('kube-system/coredns-2', 'node-b', replicas[1]), labels, dns },
    ],
    ...changes,
  };
}

export function dnsObjects(changes: Partial<ClusterSnapshot> = {}): ClusterObjects {
  return objects(dnsSnapshot(changes));
}

/** A node in sync that tells this of names. */
export function dnsNode(name: string, report: Partial<DnsReport> = {}, known: ClusterObjects = dnsObjects()): NodeView {
  const served = everyone(forwardTo(`${replicas[0]}:53`, `${replicas[1]}:53`));
  const table = [
    ['udp 10.96.0.10:53', served],
    ['tcp 10.96.0.10:53', served],
  ] as const;
  const owners = {
    'udp 10.96.0.10:53': 'kube-system/kube-dns:dns',
    'tcp 10.96.0.10:53': 'kube-system/kube-dns:dns-tcp',
  };
  const parts = { dns: reported(dnsReport(report)) };
  return nodeView({ name, desired: table, observed: table, owners, objects: known, parts });
}
