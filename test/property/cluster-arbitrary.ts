/**
 * Random clusters, small and crowded: every kind of service, policy and state of an endpoint meets every other soon.
 * No two service ports ask for the same address and port, since kube-proxy's rules for that are in no order.
 */
import fc from 'fast-check';
import type { ClusterState, Endpoint, EndpointSlice, Service, ServicePort } from '../../aggregator/model/cluster.ts';
import type { Address, Family, Prefix } from '../../proto/address.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import type { IptablesNode } from './iptables-profile.ts';

export interface RandomCluster {
  readonly state: ClusterState;
  /** The node whose rules are written. */
  readonly node: IptablesNode;
  readonly family: Family;
}

const nodeName = 'node-a';

/** The address plan of one family. All texts are canonical, which the casts rely on. */
interface Plan {
  readonly family: Family;
  readonly clusterIp: (service: number) => Address;
  readonly externalIp: (service: number) => Address;
  readonly loadBalancerIp: (service: number) => Address;
  readonly pod: (pod: number) => Address;
  readonly nodeAddresses: readonly Address[];
  readonly podPrefix: Prefix;
  readonly sourceRanges: readonly Prefix[];
}

const plans: { readonly [family in Family]: Plan } = {
  ipv4: {
    family: 'ipv4',
    clusterIp: (service) => `10.96.0.${service + 1}` as Address,
    externalIp: (service) => `198.51.100.${service + 1}` as Address,
    loadBalancerIp: (service) => `203.0.113.${service + 1}` as Address,
    pod: (pod) => `10.244.${pod % 3}.${pod + 2}` as Address,
    nodeAddresses: ['127.0.0.1', '192.168.100.11', '10.244.1.1'] as Address[],
    podPrefix: '10.244.0.0/16' as Prefix,
    sourceRanges: ['10.0.0.0/8', '198.51.100.0/24', '192.168.100.11/32', '10.244.1.0/24', '0.0.0.0/1'] as Prefix[],
  },
  ipv6: {
    family: 'ipv6',
    clusterIp: (service) => `fd00:96::${service + 1}` as Address,
    externalIp: (service) => `2001:db8:1::${service + 1}` as Address,
    loadBalancerIp: (service) => `2001:db8:2::${service + 1}` as Address,
    pod: (pod) => `fd00:244:${(pod % 3) + 1}::${pod + 2}` as Address,
    nodeAddresses: ['::1', 'fd00:100::11', 'fd00:244:1::1'] as Address[],
    podPrefix: 'fd00:244::/32' as Prefix,
    sourceRanges: ['2001:db8::/32', 'fd00:100::/64', 'fd00:244:1::/64', 'fc00::/7', '::/1'] as Prefix[],
  },
};

const policy = fc.constantFrom('Cluster' as const, 'Local' as const);

function chosenService(plan: Plan) {
  return fc.record({
    type: fc.constantFrom('ClusterIP' as const, 'NodePort' as const, 'LoadBalancer' as const),
    ports: fc.uniqueArray(
      fc.record({ port: fc.integer({ min: 1, max: 9 }), protocol: fc.constantFrom('tcp', 'udp', 'sctp') }),
      {
        minLength: 1,
        maxLength: 2,
        selector: ({ port }) => port,
      },
    ),
    hasExternalIp: fc.boolean(),
    hasNodePort: fc.boolean(),
    ranges: fc.oneof(fc.constant([]), fc.uniqueArray(fc.constantFrom(...plan.sourceRanges), { maxLength: 3 })),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    affinitySeconds: fc.constantFrom(0, 0, 1, 10_800),
    endpoints: fc.uniqueArray(chosenEndpoint, { maxLength: 5, selector: ({ pod }) => pod }),
  });
}

const chosenEndpoint = fc.record({
  pod: fc.integer({ min: 0, max: 8 }),
  isLocal: fc.boolean(),
  state: fc.constantFrom('ready', 'ready', 'ready', 'terminating', 'gone'),
});

type ChosenService = ReturnType<typeof chosenService> extends fc.Arbitrary<infer T> ? T : never;

function serviceOf(plan: Plan, chosen: ChosenService, index: number): Service {
  const isExternal = chosen.type !== 'ClusterIP';
  const ports: readonly ServicePort[] = chosen.ports.map(({ port, protocol }, i) => ({
    name: chosen.ports.length === 1 ? '' : `port-${i}`,
    protocol: protocol === 'tcp' ? 'tcp' : protocol === 'udp' ? 'udp' : 'sctp',
    port,
    nodePort: isExternal && (chosen.hasNodePort || chosen.type === 'NodePort') ? 30_000 + index * 10 + i : 0,
  }));
  const isBalanced = chosen.type === 'LoadBalancer';
  return {
    namespace: 'shop',
    name: `service-${index}`,
    uid: `uid-${index}`,
    type: chosen.type,
    ports,
    clusterIPs: { [plan.family]: plan.clusterIp(index) },
    externalIPs: chosen.hasExternalIp ? [plan.externalIp(index)] : [],
    loadBalancerIngress: isBalanced ? [{ address: plan.loadBalancerIp(index), ipMode: 'VIP' }] : [],
    loadBalancerSourceRanges: isBalanced ? chosen.ranges : [],
    internalTrafficPolicy: chosen.internalTrafficPolicy,
    externalTrafficPolicy: chosen.externalTrafficPolicy,
    affinitySeconds: chosen.affinitySeconds,
    healthCheckNodePort: 0,
    otherProxy: false,
    selector: null,
    annotations: {},
  };
}

/** Each Service has its own ports on the pods, or chains of two Services could lead to one backend. */
function sliceOf(plan: Plan, chosen: ChosenService, [service, index]: readonly [Service, number]): EndpointSlice {
  const endpoints = chosen.endpoints.map(
    ({ pod, isLocal, state }): Endpoint => ({
      address: plan.pod(pod),
      nodeName: isLocal ? nodeName : 'node-b',
      ready: state === 'ready',
      serving: state !== 'gone',
      terminating: state !== 'ready',
      zoneHints: [],
      nodeHints: [],
    }),
  );
  return {
    namespace: service.namespace,
    name: `${service.name}-slice`,
    serviceName: service.name,
    family: plan.family,
    ports: service.ports.map(({ name, protocol }, i) => ({ name, protocol, port: 8080 + index * 10 + i })),
    endpoints,
  };
}

function detectors(plan: Plan): fc.Arbitrary<LocalDetector> {
  return fc.constantFrom<LocalDetector>(
    { kind: 'prefix', prefix: plan.podPrefix },
    { kind: 'prefix', prefix: plan.podPrefix },
    { kind: 'interface', pattern: 'cni0' },
    { kind: 'interface', pattern: 'veth+' },
    { kind: 'none' },
  );
}

/** Clusters of up to `maxServices` Services, and one node of them. */
export function randomCluster(maxServices: number): fc.Arbitrary<RandomCluster> {
  return fc.constantFrom('ipv4' as const, 'ipv6' as const).chain((family) => {
    const plan = plans[family];
    const services = fc.array(chosenService(plan), { minLength: 1, maxLength: maxServices });
    return fc
      .record({
        services,
        detector: detectors(plan),
        masqueradeAll: fc.constantFrom(false, false, true),
        markBit: fc.constantFrom(14, 3, 31),
      })
      .map(({ services: chosen, detector, masqueradeAll, markBit }) => {
        const made = chosen.map((one, i) => serviceOf(plan, one, i));
        const state: ClusterState = {
          services: made,
          endpointSlices: made.flatMap((service, i) => {
            const one = chosen[i];
            return one === undefined ? [] : [sliceOf(plan, one, [service, i])];
          }),
          nodes: [
            {
              name: nodeName,
              uid: 'uid-node-a',
              zone: null,
              podCIDRs: [],
              addresses: plan.nodeAddresses.slice(1, 2),
              createdAt: null,
              ready: true,
              leaving: false,
              notReadyBecause: null,
              networkUnavailable: null,
              cni: { flannel: null, calico: null, cilium: null },
              annotations: {},
            },
          ],
        };
        const localDetector = { ipv4: detector, ipv6: detector };
        const node = { nodeName, localAddresses: plan.nodeAddresses, localDetector, masqueradeAll, markBit };
        return { state, node, family };
      });
  });
}
