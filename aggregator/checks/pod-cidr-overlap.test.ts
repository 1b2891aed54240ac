import { describe, expect, it } from 'vitest';
import type { ClusterNode } from '../model/cluster.ts';
import { prefix } from '../../test/builders.ts';
import { flannelWord, noCni, numberedNode } from '../../test/network-builders.ts';
import { objects } from '../../test/view-builders.ts';
import { podCidrOverlap } from './pod-cidr-overlap.ts';

const of = (...nodes: readonly ClusterNode[]) => podCidrOverlap.evaluate({ nodes: [], objects: objects({ nodes }) });
const ranged = (number: number, createdAt: string, ...ranges: readonly string[]) =>
  numberedNode(number, { createdAt, podCIDRs: ranges.map(prefix) });
const [early, late] = ['2026-01-01T00:00:00Z', '2026-06-01T00:00:00Z'];

describe('pod-cidr-overlap', () => {
  it('one range holds the other: told of the younger node', () => {
    expect(of(ranged(1, late, '10.244.0.0/23'), ranged(2, early, '10.244.1.0/24'))).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'The pod range of node-a, 10.244.0.0/23, overlaps with 10.244.1.0/24 of node-b: pods of both can get the same address.',
        evidence: [
          { kind: 'fact', name: '10.244.0.0/23', value: 'overlaps with 10.244.1.0/24 of node-b' },
          { kind: 'fact', name: 'node-a since', value: late },
        ],
        remediation: [
          {
            command: 'kubectl drain node-a --ignore-daemonsets --delete-emptydir-data',
            effect: 'Moves the pods of node-a to other nodes.',
          },
          {
            command: 'kubectl delete node node-a',
            effect: 'Takes the Node away; restart the kubelet there, and it registers again with a range that is free.',
          },
        ],
        frontends: [],
      },
    ]);
  });

  it.each([
    ['they touch and do not overlap', [ranged(1, early, '10.244.0.0/24'), ranged(2, late, '10.244.1.0/24')]],
    ['they are of two families', [ranged(1, early, '10.244.0.0/24'), ranged(2, late, 'fd00::/64')]],
    ['a node names its own range twice', [ranged(1, early, '10.244.0.0/24', '10.244.0.0/24')]],
    ['nodes have none', [ranged(1, early), ranged(2, late)]],
  ])('nothing is said where %s', (_, nodes) => {
    expect(of(...nodes)).toEqual([]);
  });

  it('IPv6 overlaps as well, and three nodes with one range make two findings', () => {
    const nodes = [ranged(1, early, 'fd00::/64'), ranged(2, late, 'fd00::/64'), ranged(3, late, 'fd00::/64')];
    expect(of(...nodes).map(({ subject }) => subject)).toEqual([
      { kind: 'Node', name: 'node-b' },
      { kind: 'Node', name: 'node-c' },
    ]);
  });

  it('Calico and Cilium pass over these ranges: medium, unless flannel is at work beside them', () => {
    const calico = { ...noCni, calico: { addresses: [], tunnelAddresses: [] } };
    const canal = { ...calico, flannel: flannelWord(2).flannel };
    const severities = [calico, canal].map((cni) =>
      of(ranged(1, early, '10.244.0.0/24'), { ...ranged(2, late, '10.244.0.0/24'), cni }).map((one) => one.severity),
    );
    const both = of(
      { ...ranged(1, early, '10.244.0.0/24'), cni: calico },
      { ...ranged(2, late, '10.244.0.0/24'), cni: calico },
    );
    expect([severities, both.map(({ severity, summary }) => [severity, summary])]).toEqual([
      [[undefined], [undefined]],
      [
        [
          'medium',
          'The pod range of node-b, 10.244.0.0/24, overlaps with 10.244.0.0/24 of node-a: it does no harm while Calico or Cilium gives addresses away by ranges of its own.',
        ],
      ],
    ]);
  });
});
