import { describe, expect, it } from 'vitest';
import { address, pod, service } from '../../test/builders.ts';
import { api, ask, told, world } from '../../test/diagnosis-world.ts';
import { listed } from '../../test/network-builders.ts';
import { objects, reported } from '../../test/view-builders.ts';
import type { DnsReport } from '../../proto/parts.ts';
import type { Pod } from '../model/cluster.ts';
import { meaningOf, resolverOf, triedNames } from './names.ts';

const search = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];

describe('the names that a resolver tries', () => {
  it.each([
    ['api', 5, ['api.shop.svc.cluster.local', 'api.svc.cluster.local', 'api.cluster.local', 'api']],
    ['a.b', 1, ['a.b', 'a.b.shop.svc.cluster.local', 'a.b.svc.cluster.local', 'a.b.cluster.local']],
    ['API.', 5, ['API']],
  ])('for %s with ndots %d', (name, ndots, tried) => {
    expect(triedNames(name, { search, ndots })).toEqual(tried);
  });
});

describe('a name in the zone of the cluster', () => {
  const known = objects({
    services: [service('shop/api').built],
    pods: [pod('shop/api-0', 'node-b', '10.244.2.3')],
  });

  it.each([
    ['api.shop.svc.cluster.local', 'service'],
    ['_http._tcp.api.shop.svc.cluster.local', 'service'],
    ['api-0.api.shop.svc.cluster.local', 'pod'],
    ['api-7.api.shop.svc.cluster.local', 'absent'],
    ['10-244-2-3.shop.pod.cluster.local', 'pod'],
    ['10-244-2-9.shop.pod.cluster.local', 'absent'],
    ['web.shop.svc.cluster.local', 'absent'],
    ['shop.svc.cluster.local', 'absent'],
    ['cluster.local', 'absent'],
    ['mycluster.local', 'outside'],
    ['example.com', 'outside'],
  ])('%s is %s', (name, kind) => {
    expect(meaningOf(name, 'cluster.local', known).kind).toBe(kind);
  });
});

const upstream = { nameservers: [address('192.0.2.53')], search: ['lan'], ndots: 1, options: [] };

function dns(changes: Partial<DnsReport> = {}) {
  return reported<DnsReport>({
    node: { file: '/etc/resolv.conf', settings: { ...upstream, search: ['node.lan'] } },
    nodeUnreadBecause: null,
    kubelet: {
      file: 'config.yaml',
      clusterDns: [address('10.96.0.10')],
      clusterDomain: 'k8s.example.',
      resolvConf: '/etc/resolv.conf',
      upstream,
    },
    kubeletUnreadBecause: null,
    pods: listed([]),
    podsUnread: 0,
    podsUnreadBecause: null,
    nodeLocal: null,
    names: null,
    lookups: [],
    lookupsOffBecause: 'they are off',
    ...changes,
  });
}

describe('how a pod resolves names', () => {
  const resolver = (changes: Partial<Pod> = {}, part = dns()) => {
    const input = world({ parts: { 'node-a': { dns: part } } });
    return resolverOf(input, { kind: 'pod', pod: { ...pod('shop/web-0', 'node-a', '10.244.1.2'), ...changes } });
  };
  const ofCluster = ['shop.svc.k8s.example', 'svc.k8s.example', 'k8s.example'];
  const asking = (policy: NonNullable<Pod['dns']>['policy']) => ({
    dns: { policy, nameservers: [address('192.0.2.1')], searches: ['corp'], ndots: 2 },
  });

  it.each<[string, Partial<Pod>, unknown]>([
    ['ClusterFirst', {}, { nameservers: ['10.96.0.10'], search: [...ofCluster, 'lan'], ndots: 5 }],
    ['Default', asking('Default'), { nameservers: ['192.0.2.53', '192.0.2.1'], search: ['lan', 'corp'], ndots: 2 }],
    ['None', asking('None'), { nameservers: ['192.0.2.1'], search: ['corp'], ndots: 2 }],
    [
      'ClusterFirst in the network of its node',
      { hostNetwork: true },
      { nameservers: ['192.0.2.53'], search: ['lan'], ndots: 1 },
    ],
    [
      'ClusterFirstWithHostNet',
      { hostNetwork: true, ...asking('ClusterFirstWithHostNet') },
      { nameservers: ['10.96.0.10', '192.0.2.1'], search: [...ofCluster, 'lan', 'corp'], ndots: 2 },
    ],
  ])('follows dnsPolicy %s', (policy, changes, expected) => {
    expect(resolver(changes)).toEqual({
      ...(expected as object),
      clusterDomain: 'k8s.example',
      by: `dnsPolicy ${policy}`,
    });
  });

  it('is read from its own resolv.conf where that was seen', () => {
    const settings = { nameservers: [address('192.0.2.9')], search: ['x'], ndots: 3, options: [] };
    const part = dns({ pods: listed([{ uid: 'uid-of-web-0', settings }]) });
    expect(resolver({}, part)).toEqual({ ...settings, clusterDomain: 'k8s.example', by: 'its resolv.conf' });
  });
});

describe('a name that is asked', () => {
  const named = (to: string, changes: Parameters<typeof ask>[0] = {}) =>
    told(ask({ parts: { 'node-a': { dns: dns() } }, ...changes }, { to }), 'L4');
  const undecided = 'there unknown: Whether names of the cluster are answered on node-a is not known: they are off.';

  it('is completed by the search list, and walked as what it is', () => {
    expect(named('api:80')).toEqual([
      'there pass: api is api.shop.svc.k8s.example to shop/web-0, by dnsPolicy ClusterFirst: the Service shop/api.',
      undecided,
    ]);
    expect(told(ask({ parts: { 'node-a': { dns: dns() } } }, { to: 'api:80' }), 'L3')[0]).toMatch(
      /^there pass: node-a sends/,
    );
  });

  it.each([
    [
      'aip',
      'there fail: aip does not resolve for shop/web-0: no Service is called aip in any namespace; there is shop/api.',
    ],
    [
      'nothing.shop.svc',
      'there fail: nothing.shop.svc does not resolve for shop/web-0: no Service is called nothing in any namespace.',
    ],
    ['api:81', 'there fail: api resolves, and the Service has no port 81: it has 80.'],
  ])('%s leads nowhere', (name, sentence) => {
    expect(named(name)).toEqual([sentence]);
  });

  it('of a pod that asks another server is not known there', () => {
    const services = [api.built, service('kube-system/kube-dns').clusterIP('10.96.0.10').port(53, 'dns', 'udp').built];
    const web = { dns: { policy: 'None', nameservers: [address('192.0.2.1')], searches: [], ndots: 1 } } as const;
    expect(named('api.shop.svc.k8s.example', { web, snapshot: { services } })).toEqual([
      "there fail: shop/web-0 asks 192.0.2.1 for names (dnsPolicy None), which is not the cluster's DNS: api.shop.svc.k8s.example is not known there.",
    ]);
  });

  it('outside of the cluster is resolved by others', () => {
    expect(named('example.com:443')).toEqual([
      'there pass: example.com is outside of the cluster: it is resolved by whom CoreDNS forwards to.',
      'there unknown: Whether names outside of the cluster are answered on node-a is not known: they are off.',
    ]);
  });

  it('of a client outside is not known', () => {
    expect(told(ask({}, { from: '192.0.2.9', to: 'api' }), 'L4')).toEqual([
      'there unknown: How a client outside of the cluster resolves names is not known.',
    ]);
  });
});
