import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, prefix } from '../../test/builders.ts';
import { policies } from '../../test/property/policy-arbitrary.ts';
import { recordedSnapshot } from '../../test/recorded-snapshot.ts';
import { recordingFolder, recordingNames } from '../../test/recordings.ts';
import type {
  ClusterNode,
  ClusterSnapshot,
  EndpointSlice,
  Namespace,
  NodeCni,
  Pod,
  PodEvent,
  Service,
} from '../model/cluster.ts';
import { readClusterState } from './state.ts';
import { writtenLists } from './written-lists.ts';

/** What is read of lists that were written of this. */
function readBack(snapshot: ClusterSnapshot) {
  const lists = new Map(
    writtenLists(snapshot).map(({ file, pieces }): [string, unknown] => [file, JSON.parse([...pieces()].join(''))]),
  );
  return readClusterState({
    services: lists.get('services.json'),
    endpointSlices: lists.get('endpointslices.json'),
    nodes: lists.get('nodes.json'),
    pods: lists.get('pods.json'),
    namespaces: lists.get('namespaces.json'),
    events: lists.get('events.json'),
    networkPolicies: lists.get('networkpolicies.json'),
    foreignPolicies: lists.get('foreignpolicies.json'),
    configMaps: lists.get('configmaps.json'),
  });
}

const nothing: ClusterSnapshot = {
  services: [],
  endpointSlices: [],
  nodes: [],
  pods: null,
  namespaces: null,
  podEvents: null,
  networkPolicies: null,
  foreignPolicies: null,
  dnsConfigurations: null,
};

describe('lists that are written of what is kept of objects', () => {
  const withLists = recordingNames.filter((name) => existsSync(join(recordingFolder(name), 'api', 'services.json')));

  it.each(withLists)('are read as the same again: the objects of recording %s', (name) => {
    const value = recordedSnapshot(name);
    expect(readBack(value)).toEqual({ ok: true, value });
  });

  it('are there for what is known only: no list of pods is not a list of none', () => {
    expect(readBack(nothing)).toEqual({ ok: true, value: nothing });
    const noPolicies = { networkPolicies: [], foreignPolicies: [], dnsConfigurations: [] };
    const none = { ...nothing, pods: [], namespaces: [], podEvents: [], ...noPolicies };
    expect(readBack(none)).toEqual({ ok: true, value: none });
  });

  it('are read as the same again, whatever the objects are', () => {
    fc.assert(
      fc.property(snapshot, (value) => {
        expect(readBack(value)).toEqual({ ok: true, value });
      }),
      { numRuns: 150 },
    );
  });
});

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?$/);
/** Labels may hold what nobody expects. */
const texts = fc.dictionary(name, fc.string({ unit: 'binary', maxLength: 12 }), { maxKeys: 3 });
const ours = fc.dictionary(
  name.map((key) => `plumbline.dev/${key}`),
  fc.string({ maxLength: 12 }),
  { maxKeys: 2 },
);
const ipv4 = fc.ipV4().map(address);
/** Those that stand for IPv4 ones are read as these. */
const ipv6 = fc
  .ipV6()
  .map(address)
  .filter((one) => one.includes(':'));
const anyAddress = fc.oneof(ipv4, ipv6);
const prefixes = fc.array(fc.constantFrom('10.0.0.0/8', '192.0.2.1/32', 'fd00::/64').map(prefix), { maxLength: 3 });
const protocol = fc.constantFrom('tcp', 'udp', 'sctp');
const portNumber = fc.integer({ min: 1, max: 65535 });
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const time = fc.constantFrom('2026-01-02T03:04:05Z', '2025-12-31T23:59:59Z');
const policy = fc.constantFrom('Cluster', 'Local');
const uid = fc.oneof(fc.constant(''), fc.uuid());

const service: fc.Arbitrary<Service> = fc.record({
  namespace: name,
  name,
  uid,
  type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
  ports: fc.array(
    fc.record(
      { name, protocol, port: portNumber, nodePort: fc.oneof(fc.constant(0), portNumber), targetName: name },
      { requiredKeys: ['name', 'protocol', 'port', 'nodePort'] },
    ),
    { maxLength: 3 },
  ),
  clusterIPs: fc.record({ ipv4, ipv6 }, { requiredKeys: [] }),
  externalIPs: fc.array(anyAddress, { maxLength: 2 }),
  loadBalancerIngress: fc.array(fc.record({ address: anyAddress, ipMode: fc.constantFrom('VIP', 'Proxy') }), {
    maxLength: 2,
  }),
  loadBalancerSourceRanges: prefixes,
  internalTrafficPolicy: policy,
  externalTrafficPolicy: policy,
  affinitySeconds: fc.integer({ min: 0, max: 86_400 }),
  healthCheckNodePort: fc.oneof(fc.constant(0), portNumber),
  otherProxy: fc.boolean(),
  selector: orNull(texts),
  annotations: ours,
});

const endpointSlice: fc.Arbitrary<EndpointSlice> = fc.constantFrom('ipv4' as const, 'ipv6' as const).chain((family) =>
  fc.record({
    namespace: name,
    name,
    serviceName: name,
    family: fc.constant(family),
    ports: fc.array(fc.record({ name, protocol, port: portNumber }), { maxLength: 3 }),
    endpoints: fc.array(
      fc.record({
        address: family === 'ipv4' ? ipv4 : ipv6,
        nodeName: orNull(name),
        ready: fc.boolean(),
        serving: fc.boolean(),
        terminating: fc.boolean(),
        zoneHints: fc.array(name, { maxLength: 2 }),
        nodeHints: fc.array(name, { maxLength: 2 }),
      }),
      { maxLength: 3 },
    ),
  }),
);

const mac = fc.constantFrom('82:d1:e7:8e:35:66', '00:00:5e:00:53:01');
/** As they are read: those of IPv4 before those of IPv6, one of a kind of each. */
const ofBoth = (most: number) =>
  fc.tuple(fc.array(ipv4, { maxLength: most }), fc.array(ipv6, { maxLength: 1 })).map((both) => both.flat());
const cni: fc.Arbitrary<NodeCni> = fc.record({
  flannel: orNull(
    fc.record({
      backend: name,
      vtepMac: orNull(mac),
      vtepMacIpv6: orNull(mac),
      publicAddress: orNull(ipv4),
      publicAddressIpv6: orNull(ipv6),
    }),
  ),
  calico: orNull(
    fc
      .record({ addresses: ofBoth(1), tunnelAddresses: ofBoth(2) })
      .filter(({ addresses, tunnelAddresses }) => addresses.length + tunnelAddresses.length > 0),
  ),
  cilium: orNull(
    ofBoth(1)
      .filter(({ length }) => length > 0)
      .map((hostAddresses) => ({ hostAddresses })),
  ),
});
const readiness = fc.oneof(
  fc.constantFrom({ ready: null, notReadyBecause: null }, { ready: true, notReadyBecause: null }),
  fc.record({ ready: fc.constant(false), notReadyBecause: fc.string({ maxLength: 12 }) }),
);

const nodeFields = fc.record({
  name,
  uid,
  zone: orNull(name),
  podCIDRs: prefixes,
  addresses: fc.array(anyAddress, { maxLength: 3 }),
  createdAt: orNull(time),
  leaving: fc.boolean(),
  networkUnavailable: orNull(fc.boolean()),
  cni,
  annotations: ours,
});
const node: fc.Arbitrary<ClusterNode> = fc
  .tuple(nodeFields, readiness)
  .map(([fields, ready]) => ({ ...fields, ...ready }));

const podFields = fc.record({
  namespace: name,
  name,
  uid,
  nodeName: orNull(name),
  phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
  labels: texts,
  addresses: fc.array(anyAddress, { maxLength: 2 }),
  hostNetwork: fc.boolean(),
  ready: fc.boolean(),
  terminating: fc.boolean(),
  ports: fc.array(
    fc.record({
      name: fc.oneof(fc.constant(''), name),
      protocol,
      port: portNumber,
      hostPort: fc.oneof(fc.constant(0), portNumber),
      hostAddress: orNull(anyAddress.filter((one) => one !== '0.0.0.0' && one !== '::')),
    }),
    { maxLength: 3 },
  ),
  createdAt: orNull(time),
  startedAt: orNull(time),
  runs: fc.boolean(),
});
const sometimes = fc.record(
  {
    waitingReason: fc.constantFrom('ContainerCreating', 'CrashLoopBackOff'),
    sandboxReady: fc.boolean(),
    probePort: portNumber,
    severalNetworks: fc.constant(true as const),
    runtimeClass: fc.constant(true as const),
    owner: fc.record({ kind: fc.constantFrom('Deployment', 'ReplicaSet', 'Job'), name }),
    dns: fc.record({
      policy: fc.constantFrom('ClusterFirstWithHostNet', 'Default', 'None'),
      nameservers: fc.array(anyAddress, { maxLength: 2 }),
      searches: fc.array(name, { maxLength: 2 }),
      ndots: orNull(fc.integer({ min: 0, max: 15 })),
    }),
    kubeletProbes: fc.uniqueArray(
      fc.record({ kind: fc.constantFrom('liveness', 'readiness', 'startup'), port: portNumber }),
      { minLength: 1, maxLength: 3, selector: ({ kind, port }) => `${kind} ${port}` },
    ),
  },
  { requiredKeys: [] },
);
const pod: fc.Arbitrary<Pod> = fc.tuple(podFields, sometimes).map(([fields, more]) => ({ ...fields, ...more }));

const podEvent: fc.Arbitrary<PodEvent> = fc.record({
  uid: fc.uuid(),
  namespace: name,
  name,
  podUid: uid,
  nodeName: orNull(name),
  reason: fc.constant('FailedCreatePodSandBox'),
  message: fc.string({ maxLength: 20 }),
  count: fc.integer({ min: 1, max: 1000 }),
  firstAt: time,
  lastAt: time,
});

const namespace: fc.Arbitrary<Namespace> = fc.record({ name, labels: texts, annotations: ours });

const few = { maxLength: 3 };
const snapshot: fc.Arbitrary<ClusterSnapshot> = fc.record({
  services: fc.array(service, few),
  endpointSlices: fc.array(endpointSlice, few),
  nodes: fc.array(node, few),
  pods: orNull(fc.array(pod, few)),
  namespaces: orNull(fc.array(namespace, few)),
  podEvents: orNull(fc.array(podEvent, few)),
  networkPolicies: orNull(policies),
  foreignPolicies: orNull(
    fc.array(
      fc.record({
        kind: fc.constantFrom('CiliumNetworkPolicy', 'GlobalNetworkPolicy.crd.projectcalico.org', 'Policy.example.com'),
        namespace: orNull(name),
        name,
      }),
      few,
    ),
  ),
  dnsConfigurations: orNull(
    fc.array(
      fc.record({
        namespace: fc.constant('kube-system'),
        name: fc.constantFrom('coredns', 'coredns-custom', 'node-local-dns'),
        files: fc.dictionary(fc.constantFrom('Corefile', 'a.server'), fc.constantFrom('', '. {\n  errors\n}\n'), {
          maxKeys: 2,
        }),
      }),
      few,
    ),
  ),
});
