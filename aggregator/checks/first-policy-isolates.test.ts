import { describe, expect, it } from 'vitest';
import { moment, pods, policy, type PolicySpec, world } from '../../test/policy-world.ts';
import { sandboxEvent } from '../../test/wired-node.ts';
import type { ClusterSnapshot, Pod } from '../model/cluster.ts';
import { firstPolicyIsolates } from './first-policy-isolates.ts';

/** The policies of the world came on the 20th at 8:00. */
const aged = (createdAt: string, of: readonly Pod[] = pods) => of.map((pod) => ({ ...pod, createdAt }));
const open = (changes: Partial<ClusterSnapshot> = {}): Partial<ClusterSnapshot> => ({
  services: moment([]).services.map((service) =>
    service.name === 'web' ? { ...service, type: 'LoadBalancer' } : service,
  ),
  pods: aged('2026-11-20T05:00:00Z'),
  ...changes,
});
const own = { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from: [{ podSelector: {} }] }] };
const told = (spec: PolicySpec, changes: Partial<ClusterSnapshot> = open()) =>
  firstPolicyIsolates.evaluate({ nodes: [], objects: world([policy('shop/allow-own', spec)], changes) });

describe('first-policy-isolates', () => {
  it('a Service that is open to the outside is shut by the first policy of its namespace', () => {
    expect(told(own).map(({ summary }) => summary)).toEqual([
      'Since the first policies of shop came (shop/allow-own, 2026-11-20T08:00:00Z), nobody outside of the namespace may reach web, which is open to the outside.',
    ]);
  });

  it.each<readonly [string, PolicySpec, Partial<ClusterSnapshot>]>([
    ['the Service is for the cluster alone', own, { pods: aged('2026-11-20T05:00:00Z') }],
    ['a rule speaks of other namespaces', { ...own, ingress: [{ from: [{ namespaceSelector: {} }] }] }, open()],
    ['a rule speaks of a block', { ...own, ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }] }, open()],
    ['a rule lets everybody in', { ...own, ingress: [{}] }, open()],
    ['the pods came with it', own, open({ pods: aged('2026-11-20T07:59:00Z') })],
    [
      'it came days ago',
      own,
      open({ pods: [...aged('2026-11-20T05:00:00Z'), ...aged('2026-11-23T08:00:00Z', pods.slice(-1))] }),
    ],
    [
      'it came days ago, as an event of a pod shows that was made before it',
      own,
      open({ podEvents: [sandboxEvent(0, { lastAt: '2026-11-23T08:00:00Z' })] }),
    ],
    ['it isolates other pods', { ...own, podSelector: { matchLabels: { app: 'db' } } }, open()],
  ])('nothing where %s', (_, spec, changes) => {
    expect(told(spec, changes)).toEqual([]);
  });
});
