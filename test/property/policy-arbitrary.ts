/** Random policies over few namespaces, labels and ports, so that selectors, blocks and names meet all the time. */
import fc from 'fast-check';
import type { ClusterNode, ContainerPort, Namespace, Pod } from '../../aggregator/model/cluster.ts';
import type {
  Flow,
  FlowEnd,
  LabelSelector,
  NetworkPolicy,
  PolicyPeer,
  PolicyRule,
} from '../../aggregator/model/policy.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { address, node, prefix } from '../builders.ts';

const namespaceNames = ['a', 'b', 'c'] as const;
const keys = ['app', 'tier'] as const;
const values = ['x', 'y'] as const;
const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp'];
const portNumbers = [80, 81, 90, 443] as const;
const portNames = ['http', 'admin'] as const;
const cidrs = ['10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '0.0.0.0/0', '203.0.113.0/24', '192.168.0.0/16'] as const;

const labels = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom(...values), { maxKeys: 2 });

const expression = fc.oneof(
  fc.record({
    key: fc.constantFrom(...keys),
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.subarray([...values], { minLength: 1 }),
  }),
  fc.record({
    key: fc.constantFrom(...keys),
    operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
    values: fc.constant([]),
  }),
);

const selector: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: labels,
  matchExpressions: fc.array(expression, { maxLength: 1 }),
});

const namespaceSelector: fc.Arbitrary<LabelSelector> = fc.oneof(
  selector,
  fc.constantFrom(...namespaceNames).map((name) => ({
    matchLabels: { 'kubernetes.io/metadata.name': name },
    matchExpressions: [],
  })),
);

const peer: fc.Arbitrary<PolicyPeer> = fc.oneof(
  {
    weight: 3,
    arbitrary: selector.map((podSelector) => ({ kind: 'pods' as const, podSelector, namespaceSelector: null })),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pods' as const), podSelector: fc.option(selector), namespaceSelector }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('block' as const),
      cidr: fc.constantFrom(...cidrs).map(prefix),
      except: fc.subarray(['10.1.1.0/24', '10.1.2.0/24'].map(prefix)),
    }),
  },
);

const policyPort = fc.oneof(
  fc.record({
    protocol: fc.constantFrom(...protocols),
    port: fc.constantFrom(null, ...portNumbers, ...portNames),
    endPort: fc.constant(null),
  }),
  fc.constantFrom(...protocols).map((protocol) => ({ protocol, port: 80, endPort: 90 })),
);

export const policyRule: fc.Arbitrary<PolicyRule> = fc.record({
  peers: fc.array(peer, { maxLength: 2 }),
  ports: fc.array(policyPort, { maxLength: 2 }),
});

/** A policy of this name, in any namespace. */
export function namedPolicy(name: string): fc.Arbitrary<NetworkPolicy> {
  return fc.record({
    namespace: fc.constantFrom(...namespaceNames),
    name: fc.constant(name),
    uid: fc.constant(name),
    createdAt: fc.constant(null),
    podSelector: fc.oneof(
      { weight: 1, arbitrary: fc.constant({ matchLabels: {}, matchExpressions: [] }) },
      { weight: 2, arbitrary: selector },
    ),
    types: fc.subarray(['ingress', 'egress'] as const, { minLength: 1 }),
    ingress: fc.array(policyRule, { maxLength: 2 }),
    egress: fc.array(policyRule, { maxLength: 2 }),
  });
}

/** Up to five, each of another name. */
export const policies: fc.Arbitrary<readonly NetworkPolicy[]> = fc
  .integer({ min: 0, max: 5 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => namedPolicy(`policy-${index}`))));

function containerPort(name: string, port: number, protocol: Protocol): ContainerPort {
  return { name, protocol, port, hostPort: 0, hostAddress: null };
}

const containerPorts: fc.Arbitrary<readonly ContainerPort[]> = fc.uniqueArray(
  fc
    .tuple(fc.constantFrom(...portNames), fc.constantFrom(...portNumbers), fc.constantFrom(...protocols))
    .map(([name, port, protocol]) => containerPort(name, port, protocol)),
  { maxLength: 2, selector: ({ name }) => name },
);

export const nodes: readonly ClusterNode[] = [node('node-0', '192.168.0.1'), node('node-1', '192.168.0.2')];

function podAt(index: number): fc.Arbitrary<Pod> {
  const given = fc.record({ namespace: fc.constantFrom(...namespaceNames), labels, ports: containerPorts });
  // One in eight is in its node's network.
  const isHost = fc.nat(7).map((dice) => dice === 0);
  return fc.tuple(given, isHost).map(([fields, hostNetwork]) => ({
    ...fields,
    ...{
      name: `pod-${index}`,
      uid: `pod-${index}`,
      nodeName: `node-${index % 2}`,
      phase: 'Running' as const,
      hostNetwork,
    },
    addresses: [address(hostNetwork ? `192.168.0.${(index % 2) + 1}` : `10.1.${index % 3}.${index + 2}`)],
    ...{ ready: true, terminating: false, createdAt: null, startedAt: null, runs: true },
  }));
}

export interface PolicyWorld {
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
}

export const policyWorld: fc.Arbitrary<PolicyWorld> = fc.record({
  pods: fc.tuple(...Array.from({ length: 6 }, (_, index) => podAt(index))),
  namespaces: fc.tuple(...namespaceNames.map((name) => labels.map((own) => ({ name, labels: own, annotations: {} })))),
});

/** Flows between all pods, a node and an address outside, over ports that rules ask for and one that none does. */
export function flowsIn({ pods }: PolicyWorld): readonly Flow[] {
  const ends: readonly FlowEnd[] = [
    ...pods.map((pod) => ({ kind: 'pod' as const, pod })),
    ...nodes.slice(0, 1).map((one) => ({ kind: 'node' as const, node: one })),
    { kind: 'address', address: address('203.0.113.9') },
  ];
  return ends.flatMap((from, index) =>
    ends.map((to, at) => ({
      ...{ from, to, family: 'ipv4' as const },
      protocol: protocols[(index + at) % protocols.length] ?? 'tcp',
      port: [...portNumbers, 9][(index * 3 + at) % 5] ?? 9,
    })),
  );
}
