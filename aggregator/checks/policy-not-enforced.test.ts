import { describe, expect, it } from 'vitest';
import { calicoFiles, cniFiles, flannelFiles, link, listed } from '../../test/network-builders.ts';
import { pods, policy, world } from '../../test/policy-world.ts';
import { nodeView, reported, structure } from '../../test/view-builders.ts';
import type { CniReport, NodeLink } from '../../proto/parts.ts';
import type { ClusterSnapshot, Pod } from '../model/cluster.ts';
import { policyNotEnforced } from './policy-not-enforced.ts';

const deny = policy('shop/deny', { podSelector: { matchLabels: { app: 'web' } } });

interface Sketch {
  readonly cni?: CniReport;
  readonly links?: readonly NodeLink[];
  readonly chains?: readonly string[];
  readonly policies?: readonly (typeof deny)[];
  readonly snapshot?: Partial<ClusterSnapshot>;
}

function told({ cni = flannelFiles, links = [], chains = [], policies = [deny], snapshot = {} }: Sketch) {
  const objects = world(policies, snapshot);
  const parts = {
    cni: reported(cni),
    links: reported({ links: listed(links) }),
    iptables: reported({ structures: [structure()], serviceBackends: [], proxyChains: chains, hostPortTables: [] }),
  };
  const nodes = ['node-a', 'node-b'].map((name) => ({
    ...nodeView({ name, objects, parts }),
    node: objects.node(name),
  }));
  return policyNotEnforced.evaluate({ nodes, objects }).map(({ summary }) => summary);
}

const system = (name: string): readonly Pod[] => [
  ...pods,
  ...pods.slice(-1).map((pod) => ({ ...pod, namespace: 'kube-system', name, uid: name })),
];

describe('policy-not-enforced', () => {
  it('flannel alone', () => {
    expect(told({})).toEqual([
      '1 NetworkPolicy (shop/deny) selects 3 pods, and nothing enforces it: node-a has flannel and node-b has flannel.',
    ]);
  });

  it.each<readonly [string, Sketch]>([
    ['Calico is the plugin', { cni: calicoFiles }],
    ["chains of kube-router's controller are there (k3s)", { chains: ['filter KUBE-ROUTER-FORWARD'] }],
    ["Calico's links are there beside flannel (Canal)", { links: [link('cali12345678901')] }],
    ['a controller of policies runs', { snapshot: { pods: system('kube-network-policies-x2x4z') } }],
    [
      'policies of another kind are there',
      { snapshot: { foreignPolicies: [{ kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'x' }] } },
    ],
    ['the plugin is not one that is known for it', { cni: cniFiles('10-other.conflist', { type: 'other-cni' }) }],
    ['no pod is selected', { policies: [policy('shop/p', { podSelector: { matchLabels: { app: 'none' } } })] }],
    ['there is no policy', { policies: [] }],
  ])('nothing where %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
