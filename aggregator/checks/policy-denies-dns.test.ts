/** The policies are those of the Kubernetes documentation ("Default policies") and of its DNS exception, in their forms. */
import { describe, expect, it } from 'vitest';
import { pods, policy, type PolicySpec, world } from '../../test/policy-world.ts';
import type { ClusterSnapshot } from '../model/cluster.ts';
import { policyDeniesDns } from './policy-denies-dns.ts';

const told = (specs: readonly PolicySpec[], changes: Partial<ClusterSnapshot> = {}) => {
  const objects = world(
    specs.map((spec, at) => policy(`shop/p${at}`, spec)),
    changes,
  );
  return policyDeniesDns.evaluate({ nodes: [], objects });
};
const summaries = (...args: Parameters<typeof told>) =>
  told(...args).map(({ summary, severity }) => `${severity ?? 'high'}: ${summary}`);
const denyAll = { podSelector: {}, policyTypes: ['Egress'] };
const toDns = (...ports: readonly object[]) => ({
  ...denyAll,
  egress: [{ to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }], ports }],
});
const both = [
  { protocol: 'UDP', port: 5353 },
  { protocol: 'TCP', port: 5353 },
];

describe('policy-denies-dns', () => {
  it('a default deny of egress alone', () => {
    const [violation, ...more] = told([denyAll]);
    expect([violation?.subject, more.length]).toEqual([{ kind: 'NetworkPolicy', namespace: 'shop', name: 'p0' }, 0]);
    expect(violation?.summary).toMatch(
      /^5 pods of shop \(.*\) may not reach cluster DNS by UDP and TCP: shop\/p0 isolates them for egress, and no rule lets them to port 5353 of its pods\.$/,
    );
    expect(violation?.remediation[0]?.command).toContain('kind: NetworkPolicy');
  });

  it("a rule for the Service's port 53, where the pods have 5353", () => {
    expect(summaries([toDns({ protocol: 'UDP', port: 53 }, { protocol: 'TCP', port: 53 })])[0]).toContain(
      'high: 5 pods of shop',
    );
  });

  it('a rule for UDP alone is of less weight', () => {
    expect(summaries([toDns({ protocol: 'UDP', port: 5353 })])[0]).toContain('medium: 5 pods of shop');
  });

  it('is unknown where policies of another kind may let it through', () => {
    const foreignPolicies = [{ kind: 'CiliumClusterwideNetworkPolicy', namespace: null, name: 'dns' }];
    const [violation] = told([denyAll], { foreignPolicies });
    expect([violation?.state, violation?.summary]).toEqual([
      'unknown',
      expect.stringContaining('unless CiliumClusterwideNetworkPolicy does'),
    ]);
  });

  describe('where NodeLocal DNSCache runs', () => {
    const cache = pods
      .slice(-1)
      .map((pod) => ({ ...pod, namespace: 'kube-system', labels: { 'k8s-app': 'node-local-dns' } }));
    const toBlock = (cidr: string, port: number) => ({
      ...denyAll,
      egress: [
        {
          to: [{ ipBlock: { cidr } }],
          ports: [
            { protocol: 'UDP', port },
            { protocol: 'TCP', port },
          ],
        },
      ],
    });

    it.each(['169.254.20.10/32', '169.254.0.0/16', '168.0.0.0/5', '10.96.0.10/32'])(
      'a rule for %s is enough',
      (cidr) => {
        expect(summaries([toBlock(cidr, 53)], { pods: [...pods, ...cache] })).toEqual([]);
      },
    );

    it('a rule for another port is not', () => {
      expect(summaries([toBlock('169.254.20.10/32', 5432)], { pods: [...pods, ...cache] })).toHaveLength(1);
    });
  });

  it.each<readonly [string, readonly PolicySpec[], Partial<ClusterSnapshot>]>([
    ['a rule lets both protocols through', [toDns(...both)], {}],
    ['a second policy does', [denyAll, toDns(...both)], {}],
    ['a rule lets everything through', [{ ...denyAll, egress: [{}] }], {}],
    ['only ingress is isolated', [{ podSelector: {}, policyTypes: ['Ingress'] }], {}],
    [
      'the pods ask another server',
      [denyAll],
      {
        pods: pods.map((pod) => ({
          ...pod,
          dns: { policy: 'Default', nameservers: [], searches: [], ndots: null } as const,
        })),
      },
    ],
    ['cluster DNS has no endpoint', [denyAll], { endpointSlices: [] }],
    ['there is no policy', [], {}],
  ])('nothing where %s', (_, specs, changes) => {
    expect(summaries(specs, changes)).toEqual([]);
  });
});
