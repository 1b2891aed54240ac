/** Every scenario is what the API server held in recording s1-healthy, with one thing changed where that is said. */
import { describe, expect, it } from 'vitest';
import { recordedSnapshot, withoutEndpoints, withPods } from '../../test/recorded-snapshot.ts';
import { address } from '../../test/builders.ts';
import { dnsNode, dnsReport } from '../../test/dns-node.ts';
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

  it.each([
    ['another server', '10.0.0.2', 0],
    ['the server of the cloud', '169.254.169.254', 0],
    ["the Service's address", '10.96.0.10', 1],
  ])('kubelets give pods %s, and kube-dns is scaled to nothing', (_, given, found) => {
    const { kubelet } = dnsReport();
    const objects = objectsOf(withoutEndpoints(s1, 'kube-system/kube-dns'));
    const settings = kubelet === null ? null : { ...kubelet, clusterDns: [address(given)] };
    const nodes = [dnsNode('node-a', { kubelet: settings }, objects)];
    expect(dnsNoEndpoints.evaluate({ nodes, objects })).toHaveLength(found);
  });

  it('one kubelet of three gives pods another Service that stands idle', () => {
    const { kubelet } = dnsReport();
    const objects = objectsOf(withoutEndpoints(s1, 'kube-system/kube-dns'));
    const nodes = ['10.0.0.2', '10.0.0.2', '10.96.0.10'].map((given, index) => {
      const settings = kubelet === null ? null : { ...kubelet, clusterDns: [address(given)] };
      return dnsNode(`node-${index}`, { kubelet: settings }, objects);
    });
    const [found] = dnsNoEndpoints.evaluate({ nodes, objects });
    expect([found?.severity, found?.summary]).toEqual([
      'high',
      'Cluster DNS, kube-system/kube-dns, which one kubelet gives to pods (node-2), has no ready endpoint: 2 pods ready.',
    ]);
  });

  it('kubelets give pods the cache on their node, which asks kube-dns', () => {
    const cache = address('169.254.20.10');
    const { kubelet } = dnsReport();
    const objects = objectsOf(withoutEndpoints(s1, 'kube-system/kube-dns'));
    const nodeLocal = { addresses: [cache], link: 'nodelocaldns', linkIsUp: false, listens: null };
    const settings = kubelet === null ? null : { ...kubelet, clusterDns: [cache] };
    const nodes = [dnsNode('node-a', { kubelet: settings, nodeLocal }, objects)];
    expect(dnsNoEndpoints.evaluate({ nodes, objects })).toHaveLength(1);
  });

  it.each<readonly [string, ClusterSnapshot]>([
    ['two replicas are ready', s1],
    ['another Service has none', withoutEndpoints(s1, 'shop/api')],
    ['there is no such Service', { ...s1, services: s1.services.filter(({ name }) => name !== 'kube-dns') }],
  ])('nothing where %s', (_, snapshot) => {
    expect(told(snapshot)).toEqual([]);
  });
});
