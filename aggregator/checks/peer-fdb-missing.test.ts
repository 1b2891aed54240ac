import { describe, expect, it } from 'vitest';
import type { ForwardingEntry, Neighbour } from '../../proto/parts.ts';
import { flannelNode, linksWith, routesBut } from '../../test/flannel-node.ts';
import {
  calicoFiles,
  entry,
  flannelWord,
  listed,
  macOf,
  neighbour,
  nodeAddress,
  numberedNode,
} from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { peerFdbMissing } from './peer-fdb-missing.ts';

const { evaluate } = peerFdbMissing;
const old = '02:00:00:00:00:99';
/** What node-a knows: of node-c all, and this of node-b. */
const knowing = (neighbours: readonly Neighbour[], entries: readonly ForwardingEntry[]) => ({
  neighbours: reported({
    neighbours: listed([...neighbours, neighbour('flannel.1', '10.244.3.0', macOf(3))]),
    entries: listed([...entries, entry('flannel.1', macOf(3), nodeAddress(3))]),
  }),
});
const itsNeighbour = neighbour('flannel.1', '10.244.2.0', macOf(2));
const itsEntry = entry('flannel.1', macOf(2), nodeAddress(2));
const faults = (parts: ReturnType<typeof knowing>) =>
  evaluate(flannelNode({ parts })).map(({ subject, evidence }) => [
    subject,
    evidence.slice(1).map((one) => (one.kind === 'fact' ? one.value : one.kind)),
  ]);
const nodeB = { kind: 'Peer', name: 'node-b' };

describe('peer-fdb-missing', () => {
  it('neither entry of a node is there', () => {
    expect(evaluate(flannelNode({ parts: knowing([], []) }))).toEqual([
      {
        subject: nodeB,
        summary:
          'Pods of node-a do not reach pods of node-b: no neighbour 10.244.2.0 on flannel.1 and no forwarding entry for 02:00:00:00:00:02.',
        evidence: [
          {
            kind: 'fact',
            name: 'wanted',
            value: '10.244.2.0 has 02:00:00:00:00:02, which is sent to 192.168.100.12',
          },
          { kind: 'fact', name: 'real', value: 'no neighbour 10.244.2.0 on flannel.1' },
          { kind: 'fact', name: 'real', value: 'no forwarding entry for 02:00:00:00:00:02' },
        ],
        remediation: [
          {
            command: 'ip neigh replace 10.244.2.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud permanent',
            effect: 'Run on node-a: writes the neighbour as flannel does.',
          },
          {
            command: 'bridge fdb replace 02:00:00:00:00:02 dev flannel.1 dst 192.168.100.12 self permanent',
            effect: 'Run on node-a: writes the forwarding entry as flannel does.',
          },
          {
            command: 'kubectl -n kube-flannel delete pod --field-selector spec.nodeName=node-a -l app=flannel',
            effect:
              "Restarts flannel on node-a: it makes its device, routes, neighbours and annotations anew; pods keep running. The names are those of flannel's own manifest; in k3s flannel is a part of the node's k3s service.",
          },
        ],
        frontends: [],
        topics: ['peer node-b'],
        explainsTopics: ['peer node-b'],
      },
    ]);
  });

  it.each([
    [
      'the neighbour is old, as after the other node has made its device anew',
      knowing([{ ...itsNeighbour, mac: old }], [itsEntry]),
      [`neighbour 10.244.2.0 has ${old} in place of 02:00:00:00:00:02`],
    ],
    [
      'the neighbour has failed',
      knowing([{ ...itsNeighbour, mac: null, state: 'failed' }], [itsEntry]),
      ['no neighbour 10.244.2.0 on flannel.1'],
    ],
    [
      'the neighbour is that of another link',
      knowing([{ ...itsNeighbour, link: 'eth0' }], [itsEntry]),
      ['no neighbour 10.244.2.0 on flannel.1'],
    ],
    ['the forwarding entry is gone', knowing([itsNeighbour], []), ['no forwarding entry for 02:00:00:00:00:02']],
    [
      'packets are sent to where the node was before',
      knowing([itsNeighbour], [entry('flannel.1', macOf(2), '192.168.100.99')]),
      ['02:00:00:00:00:02 is sent to 192.168.100.99 in place of 192.168.100.12'],
    ],
  ])('%s', (_, parts, told) => {
    expect(faults(parts)).toEqual([[nodeB, told]]);
  });

  it('flannel.1 of a larger cluster knows nobody: one finding', () => {
    const nodes = [1, 2, 3, 4].map((number) => numberedNode(number, { cni: flannelWord(number) }));
    const parts = { neighbours: reported({ neighbours: listed([]), entries: listed([]) }) };
    const [one, ...more] = evaluate(flannelNode({ nodes, parts }));
    expect([one?.subject, one?.summary, one?.explainsTopics, more]).toEqual([
      { kind: 'Node', name: 'node-a' },
      'Pods of node-a reach pods of no other node: flannel.1 knows none of its 3 peers.',
      'all',
      [],
    ]);
  });

  it.each([
    ['both are right', {}],
    [
      'entries of former nodes are left beside them',
      knowing([itsNeighbour], [itsEntry, entry('flannel.1', old, '192.168.100.99')]),
    ],
    [
      'it is sent to two nodes, of which one is right',
      knowing([itsNeighbour], [entry('flannel.1', macOf(2), '192.168.100.99'), itsEntry]),
    ],
    [
      'DirectRouting leads there without the tunnel',
      { ...knowing([], []), ...routesBut('10.244.2.0/24', '10.244.2.0/24 via 192.168.100.12 dev eth0') },
    ],
    ['flannel.1 is absent, which is another finding', { ...knowing([], []), ...linksWith({ 'flannel.1': null }) }],
    ['the node went over to Calico', { ...knowing([], []), cni: reported(calicoFiles) }],
    ['a list was cut', { neighbours: reported({ neighbours: { total: 5000, first: [] }, entries: listed([]) }) }],
    ['neighbours were not read', { neighbours: { state: 'failed', reason: 'EPERM' } } as const],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it.each([
    ['is not ready', { ready: false }],
    ['is about to go', { leaving: true }],
    ['has come 30 s before the reading', { createdAt: '2026-11-22T07:33:45Z' }],
    ['has published nothing', { cni: flannelWord(2, 'host-gw') }],
  ])('a node that %s need not be known', (_, changes) => {
    const nodes = [1, 2, 3].map((number) =>
      numberedNode(number, { cni: flannelWord(number), ...(number === 2 ? changes : {}) }),
    );
    expect(evaluate(flannelNode({ nodes, parts: knowing([], []) }))).toEqual([]);
  });
});
