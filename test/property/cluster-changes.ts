/**
 * Random lives of small clusters: Services that come, change and go, and nodes that differ in all that a desired table
 * heeds. Crowded on purpose: Services share external addresses with one another and with nodes, and hints abound.
 */
import fc from 'fast-check';
import type { ClusterNode, ClusterState, EndpointSlice, Service } from '../../aggregator/model/cluster.ts';
import type { Address, Family, Prefix } from '../../proto/address.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { address, known, node, prefix, prefixDetector, profile, unknown } from '../builders.ts';
import { randomCluster } from './cluster-arbitrary.ts';

const nodeNames = ['node-a', 'node-b', 'node-c'] as const;
const zones = ['zone-1', 'zone-2'] as const;
const families: readonly Family[] = ['ipv4', 'ipv6'];

export interface ServiceVersion {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
}

export interface KnownNode {
  readonly apiNode: ClusterNode;
  readonly profile: NodeProfile;
}

/** What happens next. Null: it goes. */
export type ClusterStep =
  | { readonly kind: 'service'; readonly key: string; readonly version: ServiceVersion | null }
  | { readonly kind: 'node'; readonly name: string; readonly node: KnownNode | null };

/** What is there after some steps. */
export class ClusterSoFar {
  readonly services = new Map<string, ServiceVersion>();
  readonly nodes = new Map<string, KnownNode>();

  take(step: ClusterStep): void {
    if (step.kind === 'service') {
      if (step.version === null) this.services.delete(step.key);
      else this.services.set(step.key, step.version);
    } else if (step.node === null) {
      this.nodes.delete(step.name);
    } else {
      this.nodes.set(step.name, step.node);
    }
  }

  get state(): ClusterState {
    const versions = [...this.services.values()];
    return {
      services: versions.map(({ service }) => service),
      endpointSlices: versions.flatMap(({ slices }) => slices),
      nodes: [...this.nodes.values()].map(({ apiNode }) => apiNode),
    };
  }
}

const hints = fc.record({
  zoneHints: fc.constantFrom<readonly string[]>([], ['zone-1'], ['zone-2'], ['zone-1', 'zone-2']),
  nodeHints: fc.constantFrom<readonly string[]>([], [], ['node-a'], ['node-b', 'node-c']),
  nodeName: fc.constantFrom<string | null>(...nodeNames, null),
});

/** Addresses that more than one asks for, or that a node has. */
const contested = fc.constantFrom<readonly Address[]>(
  [],
  [],
  [],
  [address('198.51.100.1')],
  [address('192.168.100.11')],
  [address('192.168.100.12'), address('2001:db8:1::1')],
);

/** More than one address for the load balancer, some that are external IPs or a node's own as well. */
const balancedToo = fc.constantFrom<readonly Address[]>([], [], [address('198.51.100.1')], [address('192.168.100.12')]);

interface Change {
  readonly externalIPs: readonly Address[];
  readonly balanced: readonly Address[];
  readonly hinted: 'no hints' | 'some hints' | 'all hints';
  /** Asks every node the same, wherever its endpoints are: what most Services are like. */
  readonly isPlain: boolean;
}

const change: fc.Arbitrary<Change> = fc.record({
  externalIPs: contested,
  balanced: balancedToo,
  hinted: fc.constantFrom('no hints', 'some hints', 'all hints'),
  isPlain: fc.constantFrom(false, false, true),
});

/** Versions of up to four Services. */
const versions: fc.Arbitrary<readonly ServiceVersion[]> = fc
  .tuple(randomCluster(4), fc.array(change, fixedLength(4)), fc.array(hints, fixedLength(5)))
  .map(([{ state }, changes, places]) =>
    state.services.map((service, index) => {
      const { hinted = 'no hints', isPlain = false, ...added } = changes[index] ?? {};
      const own = state.endpointSlices.filter(({ serviceName }) => serviceName === service.name);
      const slices = own.map((slice) => ({
        ...slice,
        endpoints: slice.endpoints.map((endpoint, at) => {
          const { nodeName = null, zoneHints = [], nodeHints = [] } = places[at] ?? {};
          const isHinted = hinted === 'all hints' || (hinted === 'some hints' && at > 0);
          return isHinted && !isPlain ? { ...endpoint, nodeName, zoneHints, nodeHints } : { ...endpoint, nodeName };
        }),
      }));
      return { service: isPlain ? plain(service) : exposed(service, added), slices };
    }),
  );

function plain(service: Service): Service {
  const ports = service.ports.map((port) => ({ ...port, nodePort: 0 }));
  const inside = { type: 'ClusterIP', internalTrafficPolicy: 'Cluster', externalTrafficPolicy: 'Cluster' } as const;
  return { ...service, ...inside, ports, externalIPs: [], loadBalancerIngress: [], loadBalancerSourceRanges: [] };
}

function exposed(service: Service, { externalIPs = [], balanced = [] }: Partial<Change>): Service {
  const ingress = service.type === 'LoadBalancer' ? balanced : [];
  return {
    ...service,
    externalIPs: [...service.externalIPs, ...externalIPs],
    loadBalancerIngress: [
      ...service.loadBalancerIngress,
      ...ingress.map((one) => ({ address: one, ipMode: 'VIP' }) as const),
    ],
  };
}

const ownAddresses: readonly (readonly Address[])[] = [
  ['127.0.0.1', '192.168.100.11', 'fd00:100::11'].map(address),
  ['127.0.0.1', '192.168.100.12', '10.244.1.1'].map(address),
  ['192.168.100.11', '203.0.113.1', '2001:db8:2::1', '::1'].map(address),
];

/** The modes, and the two ways in which nftables mode masquerades endpoints that reach themselves. */
const modes = fc.constantFrom<Pick<NodeProfile, 'mode' | 'hairpin'>>(
  { mode: known('iptables'), hairpin: known('every-endpoint') },
  { mode: known('nftables'), hairpin: known('every-endpoint') },
  { mode: known('nftables'), hairpin: known('own-endpoints') },
  { mode: known('ipvs'), hairpin: known('own-endpoints') },
);

const knownNode: fc.Arbitrary<Omit<KnownNode, 'apiNode'> & { readonly addresses: readonly Address[] }> = fc
  .record({
    modes,
    addresses: fc.constantFrom(...ownAddresses),
    localAddresses: fc.constantFrom(known(ownAddresses[0] ?? []), ...ownAddresses.map(known), unknown<never>()),
    families: fc.constantFrom<readonly Family[]>(['ipv4'], families, ['ipv6', 'ipv4']),
    kubeProxyVersion: fc.constantFrom(known('v1.36.2'), known('v1.33.0')),
    nodePortAddresses: fc.constantFrom<NodeProfile['nodePortAddresses']>(
      known('all'),
      known('all'),
      known('primary'),
      known<readonly Prefix[]>([prefix('192.168.100.12/32')]),
    ),
    detector: fc.constantFrom<NodeProfile['localDetector']['ipv4']>(
      known(prefixDetector('10.244.0.0/16')),
      known(prefixDetector('10.244.1.0/24')),
      known({ kind: 'interface', pattern: 'cni0' }),
      known({ kind: 'none' }),
    ),
    masqueradeAll: fc.constantFrom(known(false), known(false), known(true)),
    nodeName: fc.constantFrom(unknown<string>(), unknown<string>(), known('node-b')),
  })
  .map(({ modes: { mode, hairpin }, addresses, detector, ...fields }) => {
    const localDetector = { ipv4: detector, ipv6: known(prefixDetector('fd00:244::/32')) };
    return { addresses, profile: profile({ ...fields, mode, hairpin, localDetector }) };
  });

const nodeStep: fc.Arbitrary<ClusterStep> = fc
  .record({
    name: fc.constantFrom(...nodeNames),
    zone: fc.constantFrom(...zones, null),
    given: fc.option(knownNode, { freq: 8 }),
  })
  .map(({ name, zone, given }) => ({
    kind: 'node',
    name,
    node: given && { apiNode: { ...node(name, ...given.addresses), zone }, profile: given.profile },
  }));

/** Of each Service: whether it goes, changes, or has new endpoints only. */
const serviceSteps: fc.Arbitrary<readonly ServiceChange[]> = fc
  .tuple(versions, fc.array(fc.constantFrom('changes', 'new endpoints', 'new endpoints', 'goes'), fixedLength(4)))
  .map(([made, fates]) => made.map((version, index) => ({ version, fate: fates[index] ?? 'changes' })));

interface ServiceChange {
  readonly version: ServiceVersion;
  readonly fate: string;
}

/** Nodes first, all three of them; then Services and nodes as they come. */
export const clusterLife: fc.Arbitrary<readonly ClusterStep[]> = fc
  .tuple(
    fc.array(nodeStep, { minLength: 3, maxLength: 5 }),
    fc.array(fc.oneof({ arbitrary: serviceSteps, weight: 3 }, { arbitrary: nodeStep, weight: 1 }), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(([nodes, steps]) => {
    const present = new Map<string, Service>();
    return [...nodes, ...steps.flatMap((step) => ('kind' in step ? [step] : stepsOf(step, present)))];
  });

function stepsOf(changes: readonly ServiceChange[], present: Map<string, Service>): readonly ClusterStep[] {
  return changes.map(({ version, fate }) => {
    const key = `${version.service.namespace}/${version.service.name}`;
    const service = fate === 'new endpoints' ? (present.get(key) ?? version.service) : version.service;
    if (fate === 'goes') present.delete(key);
    else present.set(key, service);
    return { kind: 'service', key, version: fate === 'goes' ? null : { service, slices: version.slices } };
  });
}

function fixedLength(length: number) {
  return { minLength: length, maxLength: length };
}
