/**
 * A large cluster for the costs of policies: workloads of pods with the labels that controllers write, in namespaces of
 * twenty workloads, and policies as people write them: one that denies, then one for each workload that names who may
 * come in, each twentieth by a block outside, each tenth by a port's name.
 */
import { objectsOf } from '../../aggregator/audit/objects.ts';
import type { ClusterObjects, ClusterSnapshot, Namespace, Pod } from '../../aggregator/model/cluster.ts';
import type { LabelSelector, NetworkPolicy, PolicyPeer } from '../../aggregator/model/policy.ts';
import { parseAddress } from '../../proto/address.ts';
import { parsePrefix } from '../../proto/prefixes.ts';

export interface PolicyCluster {
  readonly pods: number;
  /** Each is a class of its own: its label `app` is asked for. */
  readonly workloads: number;
  readonly policies: number;
}

const workloadsIn = 20;

/** The API's objects of such a cluster. */
export function policyCluster(sizes: PolicyCluster): ClusterObjects {
  return objectsOf(policySnapshot(sizes));
}

/** As lists. */
export function policySnapshot({ pods, workloads, policies }: PolicyCluster): ClusterSnapshot {
  const namespaceCount = Math.ceil(workloads / workloadsIn);
  return {
    ...{ services: [], endpointSlices: [], nodes: [], podEvents: [], foreignPolicies: [], dnsConfigurations: [] },
    namespaces: Array.from({ length: namespaceCount }, (_, index) => namespaceAt(index)),
    pods: Array.from({ length: pods }, (_, index) => podAt(index, workloads)),
    networkPolicies: Array.from({ length: policies }, (_, index) => policyAt(index, { workloads, namespaceCount })),
  };
}

function namespaceAt(index: number): Namespace {
  return { name: `shop-${index}`, labels: { team: `team-${index % 10}` }, annotations: {} };
}

function podAt(index: number, workloads: number): Pod {
  const workload = index % workloads;
  const app = `app-${workload}`;
  const address = parseAddress(`10.${128 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`);
  return {
    namespace: `shop-${Math.floor(workload / workloadsIn)}`,
    name: `${app}-${index}`,
    uid: `uid-${index}`,
    nodeName: `node-${index % 500}`,
    phase: 'Running',
    labels: { app, tier: workload % 3 === 0 ? 'back' : 'front', 'pod-template-hash': `5d4f${workload}` },
    addresses: address === null ? [] : [address],
    hostNetwork: false,
    ready: true,
    terminating: false,
    ports: [{ name: 'http', protocol: 'tcp', port: 8080, hostPort: 0, hostAddress: null }],
    createdAt: null,
    startedAt: null,
    runs: true,
    owner: { kind: 'Deployment', name: app },
  };
}

function selector(matchLabels: LabelSelector['matchLabels']): LabelSelector {
  return { matchLabels, matchExpressions: [] };
}

function policyAt(
  index: number,
  sizes: { readonly workloads: number; readonly namespaceCount: number },
): NetworkPolicy {
  const denies = index < sizes.namespaceCount;
  const workload = (index * 7) % sizes.workloads;
  const namespace = `shop-${denies ? index : Math.floor(workload / workloadsIn)}`;
  return {
    namespace,
    name: denies ? 'default-deny' : `allow-${index}`,
    uid: `policy-${index}`,
    createdAt: null,
    podSelector: denies ? selector({}) : selector({ app: `app-${workload}` }),
    types: ['ingress'],
    ingress: denies
      ? []
      : [
          {
            peers: peersAt(index, sizes.workloads),
            ports: [{ protocol: 'tcp', port: index % 10 === 0 ? 'http' : 8080, endPort: null }],
          },
        ],
    egress: [],
  };
}

function peersAt(index: number, workloads: number): readonly PolicyPeer[] {
  const cidr = parsePrefix(`172.${16 + (index % 16)}.0.0/16`);
  if (index % 20 === 0 && cidr !== null) return [{ kind: 'block', cidr, except: [] }];
  return [
    {
      kind: 'pods',
      podSelector: selector({ app: `app-${(index * 13) % workloads}` }),
      namespaceSelector: selector({ team: `team-${index % 10}` }),
    },
    { kind: 'pods', podSelector: selector({ tier: 'back' }), namespaceSelector: null },
  ];
}
