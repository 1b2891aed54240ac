import { describe, expect, it } from 'vitest';
import type { DnsReport, KubeletDns } from '../../proto/parts.ts';
import { address, pod, service } from '../../test/builders.ts';
import { dnsNode, dnsObjects, dnsReport, dnsSnapshot, resolver } from '../../test/dns-node.ts';
import type { ClusterSnapshot, Pod } from '../model/cluster.ts';
import { dnsConfigMismatch } from './dns-config-mismatch.ts';

const told = (report: Partial<DnsReport>, snapshot: Partial<ClusterSnapshot> = {}) =>
  dnsConfigMismatch
    .evaluate(dnsNode('node-a', report, dnsObjects(snapshot)))
    .map(({ summary, severity }) => `${severity}: ${summary}`);
const giving = (changes: Partial<KubeletDns>): Partial<DnsReport> => {
  const { kubelet } = dnsReport();
  return { kubelet: kubelet === null ? null : { ...kubelet, ...changes } };
};
const corefile = {
  namespace: 'kube-system',
  name: 'coredns',
  files: { Corefile: '.:53 {\n kubernetes corp.local\n}\n' },
};
const web = { ...pod('shop/web-0', 'node-a', '10.244.1.9'), uid: 'uid-web' };
const seen = (nameservers: readonly string[]): Partial<DnsReport> => ({
  pods: { total: 1, first: [{ uid: 'uid-web', settings: resolver({ nameservers: nameservers.map(address) }) }] },
});
const beside = (changes: Partial<Pod> = {}): Partial<ClusterSnapshot> => ({
  pods: [...(dnsSnapshot().pods ?? []), { ...web, ...changes }],
});

describe('dns-config-mismatch', () => {
  it('the kubelet names a server that no Service has', () => {
    expect(told(giving({ clusterDns: [address('10.96.0.99')] }))).toEqual([
      'high: On node-a the kubelet gives pods the nameserver 10.96.0.99, which no Service has; cluster DNS is 10.96.0.10.',
    ]);
  });

  it('the kubelet names a server that no Service has, and its pods have the right one', () => {
    const report = { ...giving({ clusterDns: [address('10.96.0.99')] }), ...seen(['10.96.0.10']) };
    expect(told(report, beside())).toEqual([
      'medium: On node-a the kubelet gives pods the nameserver 10.96.0.99, which no Service has; cluster DNS is 10.96.0.10 (1 pod here has the right one: from before, or by the flag --cluster-dns).',
    ]);
  });

  it('the domain is not the one that CoreDNS answers for', () => {
    expect(told({}, { dnsConfigurations: [corefile] })).toEqual([
      "high: On node-a the kubelet's cluster domain is cluster.local, and CoreDNS answers for corp.local.",
    ]);
  });

  it('a pod has another server than its kubelet gives', () => {
    expect(told(seen(['10.96.0.99']), beside())).toEqual([
      "medium: On node-a 1 pod (shop/web-0) has the nameserver 10.96.0.99, not the kubelet's.",
    ]);
  });

  it.each([
    [
      'before those that have it',
      '2026-11-22T06:00:00Z',
      ": pods that began until 2026-11-22T06:00:00Z keep what was given then, those from 2026-11-22T07:00:00Z on have the kubelet's.",
    ],
    ['among those that have it, so it is no change of the setting', '2026-11-22T08:00:00Z', '.'],
  ])('a pod that began %s', (_, startedAt, since) => {
    const other = {
      ...pod('shop/web-1', 'node-a', '10.244.1.10'),
      uid: 'uid-other',
      startedAt: '2026-11-22T07:00:00Z',
    };
    const first = [
      { uid: 'uid-web', settings: resolver({ nameservers: [address('10.96.0.99')] }) },
      { uid: 'uid-other', settings: resolver() },
    ];
    const snapshot = { pods: [...(beside({ startedAt }).pods ?? []), other] };
    expect(told({ pods: { total: 2, first } }, snapshot)).toEqual([
      `medium: On node-a 1 pod (shop/web-0) has the nameserver 10.96.0.99, not the kubelet's${since}`,
    ]);
  });

  it('a pod has more servers than are asked', () => {
    const four = ['10.96.0.10', '10.96.0.10', '10.96.0.10', '10.96.0.10'];
    expect(told(seen(four), beside())[0]).toContain('4 nameservers, of which three are asked');
  });

  it('a pod has more search domains than are tried', () => {
    const search = Array.from({ length: 33 }, (_, number) => `zone${number}.example`);
    const pods = { total: 1, first: [{ uid: 'uid-web', settings: resolver({ search }) }] };
    expect(told({ pods }, beside())).toEqual([
      'medium: On node-a 1 pod (shop/web-0) has more than 32 search domains (33).',
    ]);
  });

  it.each<readonly [string, Partial<DnsReport>, Partial<ClusterSnapshot>]>([
    ["all is the cluster's", seen(['10.96.0.10']), beside()],
    [
      'the server is the cache on the node',
      {
        ...giving({ clusterDns: [address('169.254.20.10')] }),
        nodeLocal: {
          addresses: [address('169.254.20.10')],
          link: 'nodelocaldns',
          linkIsUp: false,
          listens: null,
        },
      },
      {},
    ],
    [
      'the pod asks for another server itself',
      seen(['192.0.2.1']),
      beside({ dns: { policy: 'None', nameservers: [address('192.0.2.1')], searches: [], ndots: null } }),
    ],
    [
      'pods ask another address of cluster DNS than the file of the kubelet names, as by its flag',
      { ...giving({ clusterDns: [address('10.96.0.53')] }), ...seen(['10.96.0.10']) },
      {
        ...beside(),
        services: [
          ...(dnsSnapshot().services ?? []),
          service('dns/cache').clusterIP('10.96.0.53').port(53, 'dns', 'udp').built,
        ],
      },
    ],
    ["the pod is in its node's network", seen(['192.0.2.1']), beside({ hostNetwork: true })],
    ['nothing is known of the kubelet', { ...seen(['192.0.2.1']), kubelet: null }, beside()],
    [
      'the Corefile has a line that is not understood',
      {},
      { dnsConfigurations: [{ ...corefile, files: { Corefile: '.:53 {\n kubernetes corp.local\n mystery\n}\n' } }] },
    ],
    ['there is no DNS Service', giving({ clusterDns: [address('10.96.0.99')] }), { services: [] }],
  ])('nothing where %s', (_, report, snapshot) => {
    expect(told(report, snapshot)).toEqual([]);
  });
});
