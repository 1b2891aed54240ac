import { describe, expect, it } from 'vitest';
import type { NodeParts, ProbeResult, ProbesReport } from '../../proto/parts.ts';
import { address, pod } from '../../test/builders.ts';
import { flannelNode, flannelParts, linksWith, routesBut } from '../../test/flannel-node.ts';
import {
  entry,
  flannelWord,
  listed,
  macOf,
  nameOf,
  neighbour,
  nodeAddress,
  numberedNode,
  probe,
  probes,
  routes,
  unanswered,
} from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { nodeUnreachable } from './node-unreachable.ts';

const { evaluate } = nodeUnreachable;
const podAddress = (number: number) => address(`10.244.${number}.0`);
/** Both sizes by both ways to one node. */
const toNode = (
  number: number,
  changes: (one: ProbeResult) => Partial<ProbeResult> = () => ({}),
): readonly ProbeResult[] =>
  (['overlay', 'node'] as const).flatMap((by) =>
    (['small', 'full'] as const).map((size) => {
      const at = by === 'node' ? nodeAddress(number) : podAddress(number);
      const one = probe({ by, size, node: nameOf(number), address: at });
      return { ...one, ...changes(one) };
    }),
  );
const byOverlay = (one: ProbeResult) => (one.by === 'overlay' ? unanswered : {});
const byBoth = () => unanswered;
const onlyFull = (one: ProbeResult) => (one.by === 'overlay' && one.size === 'full' ? unanswered : {});
/** What a node reports of probes: it listens at both of its addresses. */
const reporting = (number: number, changes: Partial<ProbesReport> = {}): Partial<NodeParts> => ({
  ...flannelParts(number),
  probes: reported(probes({ listening: [podAddress(number), nodeAddress(number)], ...changes })),
});
const heardOf = (small: boolean, full: boolean) => ({
  heard: listed([{ from: podAddress(1), to: podAddress(2), small, full }]),
});
/** node-a, which asks node-b and node-c. */
const asking = (b: readonly ProbeResult[], c = toNode(3), sketch: Parameters<typeof flannelNode>[0] = {}) =>
  flannelNode({
    ...sketch,
    parts: { ...reporting(1, { results: [...b, ...c] }), ...sketch.parts },
    peers: { 'node-b': reporting(2), 'node-c': reporting(3), ...sketch.peers },
  });
const summaries = (view: Parameters<typeof evaluate>[0]) => evaluate(view).map(({ summary }) => summary);

describe('node-unreachable', () => {
  it('the overlay loses all that goes to one node, whose own address answers', () => {
    expect(evaluate(asking(toNode(2, byOverlay)))).toEqual([
      {
        subject: { kind: 'Peer', name: 'node-b' },
        summary:
          'node-a gets no answer from node-b: no packet is answered (at its address among the pods; its node address answers); what node-a sends does not arrive at node-b.',
        evidence: [
          {
            kind: 'fact',
            name: 'node-b 10.244.2.0 (overlay, small, 92 bytes)',
            value: '0 of 3 answered, not heard there',
          },
          {
            kind: 'fact',
            name: 'node-b 10.244.2.0 (overlay, full, 1450 bytes)',
            value: '0 of 3 answered, not heard there',
          },
          { kind: 'fact', name: 'node-b 192.168.100.12 (node, small, 92 bytes)', value: '3 of 3 answered' },
          { kind: 'fact', name: 'node-b 192.168.100.12 (node, full, 1500 bytes)', value: '3 of 3 answered' },
        ],
        remediation: [
          { command: 'ping -c 3 10.244.2.0', effect: 'Run on node-a: sends packets to node-b.' },
          { command: 'ip route get 10.244.2.0', effect: 'Run on node-a: shows the way that such packets take.' },
          {
            command: `timeout 30 tcpdump -ni any 'udp port 9469 or icmp or udp port 8472 or udp port 4789'`,
            effect:
              'Run on node-b: shows what arrives, wrapped or not. What leaves node-a and does not arrive is lost between the nodes.',
          },
        ],
        frontends: [],
        topics: ['peer node-b'],
      },
    ]);
  });

  it('answers do not come back: the other agent has heard it', () => {
    const peers = { 'node-b': reporting(2, heardOf(true, true)) };
    expect(summaries(asking(toNode(2, byOverlay), toNode(3), { peers }))).toEqual([
      'node-a gets no answer from node-b: no packet is answered (at its address among the pods; its node address answers); what node-a sends arrives at node-b, and the answers do not come back.',
    ]);
  });

  it('only large packets are lost: it speaks of these alone, and the ping has their size', () => {
    const peers = { 'node-b': reporting(2, heardOf(true, false)) };
    const [one] = evaluate(asking(toNode(2, onlyFull), toNode(3), { peers }));
    expect([one?.summary, one?.topics, one?.remediation[0]?.command]).toEqual([
      'node-a gets no answer from node-b: packets of 1450 bytes are lost, small ones pass (at its address among the pods; its node address answers); what node-a sends does not arrive at node-b.',
      ['large packets to node-b'],
      'ping -c 3 -M do -s 1422 10.244.2.0',
    ]);
  });

  it('the network below loses it: the node address does not answer either', () => {
    expect(summaries(asking(toNode(2, byBoth)))[0]).toContain('no packet is answered (already at its node address)');
  });

  it('all nodes that it asks: one finding', () => {
    const [one, ...more] = evaluate(asking(toNode(2, byOverlay), toNode(3, byOverlay)));
    expect([one?.subject, one?.summary, one?.topics, more]).toEqual([
      { kind: 'Node', name: 'node-a' },
      'node-a reaches none of the 2 nodes that it asks (node-b and node-c): no packet is answered; what node-a sends does not arrive at them.',
      ['node', 'peer node-b', 'peer node-c'],
      [],
    ]);
  });

  it('the list of what was heard was cut: the direction is not known', () => {
    const peers = { 'node-b': reporting(2, { heard: { total: 5000, first: [] } }) };
    expect(summaries(asking(toNode(2, byOverlay), toNode(3), { peers }))[0]).toContain('; between node-a and node-b.');
  });
});

describe('node-unreachable must not be told', () => {
  it.each([
    ['all is answered', asking(toNode(2))],
    ['one of three is answered', asking(toNode(2, () => ({ answered: 1, lastAnswered: false })))],
    ['two were sent so far', asking(toNode(2, () => ({ ...unanswered, sent: 2 })))],
    ['the newest is answered again', asking(toNode(2, () => ({ answered: 1, lastAnswered: true })))],
    ['the other agent does not report', asking(toNode(2, byBoth), toNode(3), { peers: { 'node-b': {} } })],
    [
      'the other agent does not listen at that address',
      asking(toNode(2, byOverlay), toNode(3), { peers: { 'node-b': reporting(2, { listening: [nodeAddress(2)] }) } }),
    ],
    [
      'a filter takes what goes to the node address, and pods are reached',
      asking(toNode(2, (one) => (one.by === 'node' ? unanswered : {}))),
    ],
    ['nobody may send probes', asking([], [], { parts: { probes: { state: 'absent' } } })],
  ])('where %s', (_, view) => {
    expect(evaluate(view)).toEqual([]);
  });

  it.each([{ ready: false }, { leaving: true }])('of a node with %j', (changes) => {
    const nodes = [1, 2, 3].map((number) =>
      numberedNode(number, { cni: flannelWord(number), ...(number === 2 ? changes : {}) }),
    );
    expect(evaluate(asking(toNode(2, byBoth), toNode(3), { nodes }))).toEqual([]);
  });

  it('of a pod that takes part and is not ready, or another one by now', () => {
    const at = address('10.244.2.7');
    const result = probe({ by: 'pod', address: at, ...unanswered });
    const web = pod('shop/web-0', 'node-b', '10.244.2.7');
    const told = [
      [web],
      [{ ...web, ready: false }],
      [{ ...web, terminating: true }],
      [{ ...web, nodeName: 'node-c' }],
      [],
    ].map((pods) => summaries(asking([result], toNode(3), { pods })));
    expect(told).toEqual([
      [
        'node-a gets no answer from node-b: no packet is answered (at its address among the pods); between node-a and node-b.',
      ],
      [],
      [],
      [],
      [],
    ]);
  });

  it('where no probe is answered anywhere: the port may be closed', () => {
    const silent = { 'node-b': reporting(2, { results: toNode(1, byBoth) }), 'node-c': reporting(3) };
    const [one, ...more] = evaluate(asking(toNode(2, byBoth), toNode(3, byBoth), { peers: silent }));
    expect([one?.state, one?.summary, more]).toEqual([
      'unknown',
      'It is not known whether node-a reaches other nodes: no probe between it and node-b and node-c is answered, in either direction; UDP port 9469 may be closed between nodes.',
      [],
    ]);
    const pair = asking(toNode(2, byBoth), [], { peers: silent });
    expect(evaluate(pair).map(({ state }) => state)).toEqual(['unknown']);
  });

  it('as unknown where others answer each other: then this node is cut off', () => {
    const peers = { 'node-b': reporting(2, { results: toNode(3) }) };
    expect(evaluate(asking(toNode(2, byBoth), toNode(3, byBoth), { peers })).map(({ state }) => state)).toEqual([
      undefined,
    ]);
  });
});

describe('node-unreachable, the first bad hop', () => {
  const lost = toNode(2, byOverlay);
  const hop = (view: ReturnType<typeof asking>) =>
    evaluate(view).flatMap(({ evidence }) =>
      evidence.flatMap((one) => (one.kind === 'fact' && one.name === 'first bad hop' ? [one.value] : [])),
    );
  const known = (
    neighbours: readonly ReturnType<typeof neighbour>[],
    entries: readonly ReturnType<typeof entry>[],
  ) => ({
    neighbours: reported({ neighbours: listed(neighbours), entries: listed(entries) }),
  });
  const b = [neighbour('flannel.1', '10.244.2.0', macOf(2)), entry('flannel.1', macOf(2), nodeAddress(2))] as const;

  it.each([
    ['no route at all', { routes: reported(routes([])) }, 'node-a has no route to 10.244.2.0'],
    [
      'a blackhole',
      routesBut('10.244.2.0/24', 'blackhole 10.244.2.0/24'),
      'a route of node-a drops packets to 10.244.2.0',
    ],
    ['a link that is switched off', linksWith({ 'flannel.1': { isUp: false } }), 'flannel.1 of node-a is switched off'],
    [
      'a neighbour that does not answer',
      known([{ ...b[0], mac: null, state: 'failed' }], []),
      '10.244.2.0 does not answer node-a on flannel.1',
    ],
    ['a neighbour that is not known', known([], []), 'flannel.1 of node-a knows no MAC address of 10.244.2.0'],
    [
      'a forwarding entry that is missing',
      known([b[0]], []),
      'flannel.1 of node-a does not know where 02:00:00:00:00:02 is',
    ],
    [
      'a forwarding entry to somebody else',
      known([b[0]], [entry('flannel.1', macOf(2), '192.168.100.99')]),
      'flannel.1 of node-a sends packets for 02:00:00:00:00:02 to 192.168.100.99, which is not node-b',
    ],
    [
      'a MAC address that the other node had',
      known([{ ...b[0], mac: macOf(9) }], [entry('flannel.1', macOf(9), nodeAddress(2))]),
      'flannel.1 of node-a sends to 02:00:00:00:00:09, and flannel.1 has 02:00:00:00:00:02',
    ],
    ['nothing that can be seen', {}, null],
  ])('is %s', (_, parts: Partial<NodeParts>, words) => {
    expect(hop(asking(lost, toNode(3), { parts }))).toEqual(words === null ? [] : [words]);
  });

  it('is on the way back where the other node has heard it', () => {
    const mute = { ...reporting(2, heardOf(true, true)), ...known([], []) };
    expect(hop(asking(lost, toNode(3), { peers: { 'node-b': mute } }))).toEqual([
      'flannel.1 of node-b knows no MAC address of 10.244.1.0, on the way back to node-a',
    ]);
  });
});
