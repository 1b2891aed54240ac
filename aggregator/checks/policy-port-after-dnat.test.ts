import { describe, expect, it } from 'vitest';
import { pods, policy, type PolicySpec, world } from '../../test/policy-world.ts';
import type { ClusterSnapshot } from '../model/cluster.ts';
import { policyPortAfterDnat } from './policy-port-after-dnat.ts';

const told = (specs: readonly PolicySpec[], changes: Partial<ClusterSnapshot> = {}) => {
  const objects = world(
    specs.map((spec, at) => policy(`shop/p${at}`, spec)),
    changes,
  );
  return policyPortAfterDnat.evaluate({ nodes: [], objects });
};
const web = { podSelector: { matchLabels: { app: 'web' } } };
const letting = (port: number | string, more: object = {}) => ({
  ...web,
  policyTypes: ['Ingress'],
  ingress: [{ from: [{ podSelector: {} }], ports: [{ port, ...more }] }],
});

describe('policy-port-after-dnat', () => {
  it("an ingress rule names the Service's port", () => {
    const [violation, ...more] = told([letting(80)]);
    expect([violation?.summary, more.length]).toEqual([
      'shop/p0 lets through tcp 80 (ingress rule 0), the port of Service shop/web; its pods listen at 8080, which no rule lets through.',
      0,
    ]);
    expect(violation?.remediation[0]?.command).toBe(
      `kubectl -n shop patch networkpolicy p0 --type=json -p '[{"op":"replace","path":"/spec/ingress/0/ports/0/port","value":8080}]'`,
    );
  });

  it("an egress rule names the Service's port of cluster DNS", () => {
    const dns = { namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } };
    const spec = { ...web, policyTypes: ['Egress'], egress: [{ to: [dns], ports: [{ protocol: 'UDP', port: 53 }] }] };
    expect(told([spec])[0]?.summary).toContain(
      'lets through udp 53 (egress rule 0), the port of Service kube-system/kube-dns',
    );
  });

  it.each<readonly [string, readonly PolicySpec[], Partial<ClusterSnapshot>]>([
    ["the rule names a port that is no Service's", [letting(8080)], {}],
    ["the rule names the container's port by its name", [letting('http')], {}],
    ['another policy lets the target port through', [letting(80), letting('http')], {}],
    ['a range holds both', [letting(80, { endPort: 9000 })], {}],
    [
      'a container of the pods has that port',
      [letting(80)],
      {
        pods: pods.map((pod) => ({
          ...pod,
          ports: [...pod.ports, { name: '', protocol: 'tcp', port: 80, hostPort: 0, hostAddress: null } as const],
        })),
      },
    ],
    ['no Service has the port', [letting(81)], {}],
  ])('nothing where %s', (_, specs, changes) => {
    expect(told(specs, changes)).toEqual([]);
  });
});
