/** Every scenario is what the API server held in recording s1-healthy, with one thing changed where that is said. */
import { describe, expect, it } from 'vitest';
import { recordedSnapshot, withoutEndpoints, withPods } from '../../test/recorded-snapshot.ts';
import { objectsOf } from '../audit/objects.ts';
import type { ClusterSnapshot } from '../model/cluster.ts';
import { dnsNoEndpoints } from './dns-no-endpoints.ts';

const s1 = recordedSnapshot('s1-healthy');
const told = (snapshot: ClusterSnapshot) =>
  dnsNoEndpoints.evaluate({ nodes: [], objects: objectsOf(snapshot) }).map(({ summary }) => summary);

describe('dns-no-endpoints', () => {
  it('no endpoint is left', () => {
    expect(told(withoutEndpoints(s1, 'kube-system/kube-dns'))).toEqual([
      'Cluster DNS, kube-system/kube-dns, has no ready endpoint: 2 pods ready.',
    ]);
  });

  it('its pods crash, and it says so', () => {
    const crashing = withPods(withoutEndpoints(s1, 'kube-system/kube-dns'), (pod) =>
      pod.labels['k8s-app'] === 'kube-dns' ? { ready: false, waitingReason: 'CrashLoopBackOff' } : undefined,
    );
    expect(told(crashing)).toEqual([
      'Cluster DNS, kube-system/kube-dns, has no ready endpoint: 2 pods CrashLoopBackOff.',
    ]);
  });

  it.each<readonly [string, ClusterSnapshot]>([
    ['two replicas are ready', s1],
    ['another Service has none', withoutEndpoints(s1, 'shop/api')],
    ['there is no such Service', { ...s1, services: s1.services.filter(({ name }) => name !== 'kube-dns') }],
  ])('nothing where %s', (_, snapshot) => {
    expect(told(snapshot)).toEqual([]);
  });
});
