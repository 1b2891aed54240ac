import { describe, expect, it } from 'vitest';
import type { Lookup } from '../../proto/parts.ts';
import { address, pod, service, slice } from '../../test/builders.ts';
import { dnsNode, dnsObjects, dnsSnapshot, failed, lookup, replicas, silent } from '../../test/dns-node.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import { dnsReplicaFailing } from './dns-replica-failing.ts';

const [first, second] = replicas;
const at = (server: typeof first, changes: Partial<Lookup> = {}) => lookup({ by: 'backend', server, ...changes });
/** What node-a, node-b and so on saw. */
const told = (seen: readonly (readonly Lookup[])[], objects: ClusterObjects = dnsObjects()) => {
  const nodes = seen.map((lookups, number) => dnsNode(`node-${'abc'[number]}`, { lookups }, objects));
  return dnsReplicaFailing
    .evaluate({ nodes, objects })
    .map(({ summary, severity }) => `${severity ?? 'high'}: ${summary}`);
};
const pods = dnsSnapshot().pods ?? [];
const api = service('default/kubernetes').clusterIP('10.96.0.1').port(443, 'https').built;
const withApi = dnsObjects({ services: [...(dnsSnapshot().services ?? []), api] });
const ipv6 = address('fd00:10:244:1::4');

describe('dns-replica-failing', () => {
  it('one replica is silent to both nodes, the other answers', () => {
    const seen = [at(first, silent), at(second)];
    expect(told([seen, seen])).toEqual([
      'high: kube-system/coredns-1 (10.244.1.4:53) fails as a replica of cluster DNS: no answer to node-a and node-b, while 1 other replica answers.',
    ]);
  });

  it.each([
    ['SERVFAIL', failed, 'SERVFAIL'],
    ['a closed port', { ...silent, error: 'ECONNREFUSED' }, 'no answer (ECONNREFUSED)'],
    ['an answer without an address', { addresses: [] }, 'an answer without an address'],
    [
      'an error now and silence then',
      { ...failed, answered: 2, outcomes: ['SERVFAIL', 'timeout', 'SERVFAIL'] },
      'SERVFAIL',
    ],
    [
      'silence after errors',
      { ...silent, answered: 2, outcomes: ['SERVFAIL', 'SERVFAIL', 'timeout'] },
      'no answer after SERVFAIL',
    ],
    [
      'silence of two kinds after an error',
      { ...silent, answered: 1, error: 'ECONNREFUSED', outcomes: ['SERVFAIL', 'timeout', 'ECONNREFUSED'] },
      'no answer after SERVFAIL',
    ],
  ])('one replica gives %s', (_, changes, words) => {
    const seen = [at(first, changes), at(second)];
    expect(told([seen, seen])[0]).toContain(`${words} to node-a and node-b`);
  });

  it('a name that is not there is answered: names are made up', () => {
    const made = lookup({ by: 'backend', name: 'absent', rcode: 'NOERROR' });
    expect(told([[made, at(second)]])[0]).toContain('an answer to a name that is not there (NOERROR)');
  });

  it('one replica gives another address for the API than its Service has', () => {
    const seen = [at(first, { addresses: [address('203.0.113.9')] }), at(second)];
    expect(told([seen, seen], withApi)[0]).toContain(
      "203.0.113.9 for the API's Service, which has 10.96.0.1 to node-a and node-b",
    );
  });

  it('an error for the name that is not there is told as it is', () => {
    const absent = at(first, { name: 'absent', rcode: 'SERVFAIL' });
    expect(told([[at(first), absent, at(second)]])[0]).toContain(': SERVFAIL to node-a');
  });

  it('one node alone hears nothing from a replica elsewhere, which may be the way', () => {
    expect(told([[at(first), at(second, silent)]])).toEqual([
      'medium: kube-system/coredns-2 (10.244.2.4:53) fails as a replica of cluster DNS: no answer to node-a, while 1 other replica answers. Only node-a says so, and it may be the way from there.',
    ]);
  });

  it('one node alone hears an error from it, which shows that the way is there', () => {
    expect(told([[at(first), at(second, failed)]])[0]).toContain('high: kube-system/coredns-2');
  });

  it('one node alone hears nothing from any, and one of them is its own: not all are held for dead', () => {
    expect(told([[at(first, silent), at(second, silent)]]).map((text) => text.slice(0, 33))).toEqual([
      'high: kube-system/coredns-1 (10.2',
      'medium: kube-system/coredns-2 (10',
    ]);
  });

  it('the only replica fails, which is critical', () => {
    const seen = [at(first, silent)];
    expect(told([seen, seen])).toEqual([
      'critical: kube-system/coredns-1 (10.244.1.4:53) fails as a replica of cluster DNS: no answer to node-a and node-b, and there is no other, so that nothing resolves.',
    ]);
  });

  it.each<readonly [string, Partial<Lookup>, string]>([
    [
      'a replica is lost by TCP alone',
      { protocol: 'tcp', ...silent },
      'medium: kube-system/coredns-1 (10.244.1.4:53) fails as a replica of cluster DNS: no answer by TCP to node-a and node-b (by UDP it answers), while 1 other replica answers.',
    ],
    [
      'a replica makes names up',
      { name: 'absent', rcode: 'NOERROR' },
      'medium: kube-system/coredns-1 (10.244.1.4:53) fails as a replica of cluster DNS: an answer to a name that is not there (NOERROR) to node-a and node-b, while 1 other replica answers.',
    ],
  ])('%s, which is less', (_, changes, words) => {
    const seen = [at(first), at(first, changes), at(second)];
    expect(told([seen, seen])).toEqual([words]);
  });

  it.each<readonly [string, Partial<Lookup>, string]>([
    [
      'by TCP alone',
      { protocol: 'tcp', ...silent },
      'high: All 2 replicas of cluster DNS fail: no answer by TCP, so that answers too large for UDP are lost.',
    ],
    [
      'at names that are not there',
      { name: 'absent', rcode: 'NOERROR' },
      'medium: All 2 replicas of cluster DNS fail: an answer to a name that is not there (NOERROR), so that no NXDOMAIN comes for what is not there.',
    ],
  ])('all of them fail %s, which is not the end of all names', (_, changes, words) => {
    const seen = [at(first), at(first, changes), at(second), at(second, changes)];
    expect(told([seen, seen])).toEqual([words]);
  });

  it.each<readonly [string, Partial<Lookup>]>([
    ['of a pod that is no replica', { server: address('10.244.9.9') }],
    ['at another port of one of them', { port: 9999 }],
  ])('all of them fail, and one node tells of an answer %s', (_, changes) => {
    const objects = dnsObjects({ pods: [...pods, pod('shop/web-0', 'node-c', '10.244.9.9')] });
    const both = [at(first, failed), at(second, failed)];
    expect(told([both, both, [...both, at(first, changes)]], objects)).toEqual([
      'critical: All 2 replicas of cluster DNS fail: SERVFAIL, so that nothing resolves.',
    ]);
  });

  it('a replica fails that has another port by TCP than by UDP', () => {
    const built = slice('kube-system/kube-dns')
      .port(5353, 'dns', 'udp')
      .port(5354, 'dns-tcp', 'tcp')
      .ready(first).built;
    const seen = [at(first, { ...failed, protocol: 'tcp', port: 5354 })];
    expect(told([seen, seen], dnsObjects({ endpointSlices: [built] }))[0]).toContain('(10.244.1.4:5354) fails');
  });

  it('one fails and the other is lost by TCP alone: UDP is left', () => {
    const seen = [at(first, silent), at(second), at(second, { protocol: 'tcp', ...silent })];
    expect(told([seen, seen])).toEqual([
      'high: All 2 replicas of cluster DNS fail: no answer by TCP, so that answers too large for UDP are lost.',
    ]);
  });

  it('all of them fail, which is critical and one finding', () => {
    const seen = [at(first, failed), at(second, failed)];
    expect(told([seen, seen])).toEqual([
      'critical: All 2 replicas of cluster DNS fail: SERVFAIL, so that nothing resolves.',
    ]);
  });

  it.each<readonly [string, readonly (readonly Lookup[])[], ClusterObjects]>([
    ['all answer', [[at(first), at(second)]], dnsObjects()],
    [
      'as many nodes get an answer as do not',
      [
        [at(first, silent), at(second)],
        [at(first), at(second)],
      ],
      dnsObjects(),
    ],
    [
      'a single one of three is an error',
      [[at(first, { ...failed, outcomes: ['NOERROR', 'NOERROR', 'SERVFAIL'] }), at(second)]],
      dnsObjects(),
    ],
    ['the window is not full', [[at(first, { ...silent, sent: 2 }), at(second)]], dnsObjects()],
    [
      'the pod is being deleted',
      [[at(first, silent), at(second)]],
      dnsObjects({ pods: pods.map((pod) => ({ ...pod, terminating: pod.name === 'coredns-1' })) }),
    ],
    ['no pod has the address any more', [[at(first, silent), at(second)]], dnsObjects({ pods: pods.slice(1) })],
    [
      'the API has no address of the family that is asked for',
      [[at(ipv6, { addresses: [] }), at(first), at(second)]],
      dnsObjects({
        services: [...(dnsSnapshot().services ?? []), api],
        endpointSlices: [
          ...(dnsSnapshot().endpointSlices ?? []),
          slice('kube-system/kube-dns').port(53, 'dns', 'udp').ready(ipv6).built,
        ],
        pods: pods.map((pod) => ({ ...pod, addresses: [...pod.addresses, ipv6] })),
      }),
    ],
    [
      'a node calls a pod a replica that is none',
      [[at(address('10.244.9.9'), failed), at(first), at(second)]],
      dnsObjects({ pods: [...pods, pod('shop/web-0', 'node-c', '10.244.9.9')] }),
    ],
    [
      'a node asks another port of a replica',
      [[at(first, { ...failed, port: 9999 }), at(first), at(second)]],
      dnsObjects(),
    ],
    ['only names outside fail', [[at(first, { name: 'external', ...failed }), at(first), at(second)]], dnsObjects()],
  ])('nothing where %s', (_, seen, objects) => {
    expect(told(seen, objects)).toEqual([]);
  });
});
