import { describe, expect, it } from 'vitest';
import type { Lookup } from '../../proto/parts.ts';
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

describe('dns-replica-failing', () => {
  it('one replica is silent to both nodes, the other answers', () => {
    const seen = [at(first, silent), at(second)];
    expect(told([seen, seen])).toEqual([
      'high: kube-system/coredns-1 (10.244.1.4:53) fails as a replica of cluster DNS: no answer to node-a and node-b by UDP, while 1 other replica answers.',
    ]);
  });

  it.each([
    ['SERVFAIL', failed, 'SERVFAIL'],
    ['a closed port', { ...silent, error: 'ECONNREFUSED' }, 'no answer (ECONNREFUSED)'],
    ['an answer without an address', { addresses: [] }, 'an answer without an address'],
  ])('one replica gives %s', (_, changes, words) => {
    const seen = [at(first, changes), at(second)];
    expect(told([seen, seen])[0]).toContain(`${words} to node-a and node-b`);
  });

  it('a name that is not there is answered: names are made up', () => {
    const made = lookup({ by: 'backend', name: 'absent', rcode: 'NOERROR' });
    expect(told([[made, at(second)]])[0]).toContain('an answer to a name that is not there (NOERROR)');
  });

  it('all of them fail, which is critical and one finding', () => {
    const seen = [at(first, failed), at(second, failed)];
    expect(told([seen, seen])).toEqual([
      'critical: All 2 replicas of cluster DNS fail: SERVFAIL by UDP, so that nothing resolves.',
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
    ['the window is not full', [[at(first, { ...silent, sent: 2 }), at(second)]], dnsObjects()],
    [
      'the pod is being deleted',
      [[at(first, silent), at(second)]],
      dnsObjects({ pods: pods.map((pod) => ({ ...pod, terminating: pod.name === 'coredns-1' })) }),
    ],
    ['no pod has the address any more', [[at(first, silent), at(second)]], dnsObjects({ pods: pods.slice(1) })],
    ['only names outside fail', [[at(first, { name: 'external', ...failed }), at(first), at(second)]], dnsObjects()],
  ])('nothing where %s', (_, seen, objects) => {
    expect(told(seen, objects)).toEqual([]);
  });
});
