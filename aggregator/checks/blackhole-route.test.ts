import { describe, expect, it } from 'vitest';
import type { RoutingRule } from '../../proto/parts.ts';
import { pod, prefix, service } from '../../test/builders.ts';
import { flannelNode, routesBut } from '../../test/flannel-node.ts';
import { anyNode, calicoFiles, ciliumFiles, noCni, numberedNode, routes } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import type { Pod } from '../model/cluster.ts';
import { blackholeRoute } from './blackhole-route.ts';

const { evaluate } = blackholeRoute;
const defaultRoute = 'default via 192.168.100.1 dev eth0';
const calico = { ...noCni, calico: { addresses: [], tunnelAddresses: [] } };
const calicoNodes = [1, 2, 3].map((number) => numberedNode(number, { cni: calico }));
/** node-a with Calico, whose blocks are none of the Nodes' ranges. */
const withCalico = (lines: readonly string[], pods: Parameters<typeof anyNode>[0]['pods'] = []) =>
  anyNode({
    nodes: calicoNodes,
    pods,
    parts: { routes: reported(routes([defaultRoute, ...lines])), cni: reported(calicoFiles) },
  });
const summaries = (view: Parameters<typeof evaluate>[0]) => evaluate(view).map(({ summary }) => summary);

describe('blackhole-route', () => {
  it("takes another node's range", () => {
    const parts = routesBut('10.244.2.0/24', 'blackhole 10.244.2.0/24');
    expect(evaluate(flannelNode({ parts }))).toEqual([
      {
        subject: { kind: 'Rule', name: 'blackhole 10.244.2.0/24' },
        summary:
          'node-a drops what its pods send to pods of node-b: 10.244.2.0/24 of node-b is swallowed by `blackhole 10.244.2.0/24`.',
        evidence: [
          { kind: 'fact', name: 'taken by', value: 'blackhole 10.244.2.0/24' },
          { kind: 'fact', name: 'swallowed', value: '10.244.2.0/24 of node-b' },
        ],
        remediation: [
          {
            command: 'ip route del blackhole 10.244.2.0/24 table main',
            effect: 'Run on node-a: such packets take the next best route again.',
          },
        ],
        frontends: [],
        topics: ['peer node-b'],
        explainsTopics: ['peer node-b'],
      },
    ]);
  });

  it.each(['unreachable', 'prohibit'])('so does a route of kind %s, for all nodes at once', (kind) => {
    const parts = routesBut('10.244.', `${kind} 10.244.0.0/16`);
    const [one, ...more] = evaluate(flannelNode({ parts }));
    expect([one?.summary, one?.topics, more]).toEqual([
      `node-a drops what its pods send to pods of 2 nodes: 10.244.2.0/24 of node-b and 10.244.3.0/24 of node-c are swallowed by \`${kind} 10.244.0.0/16\`.`,
      ['peer node-b', 'peer node-c'],
      [],
    ]);
  });

  it('so does a rule', () => {
    const all = { from: null, to: null, mark: null, link: null, further: null } as const;
    const any = { ...all, family: 'ipv4', table: null } as const;
    const rules: readonly RoutingRule[] = [
      { ...any, priority: 100, to: prefix('10.244.2.0/24'), action: 'prohibit' },
      { ...any, priority: 32_766, table: 'main', action: 'lookup' },
    ];
    const [one] = evaluate(flannelNode({ parts: { routes: reported(routes([defaultRoute], rules)) } }));
    expect([one?.subject, one?.remediation[0]?.command]).toEqual([
      { kind: 'Rule', name: 'rule 100: prohibit to 10.244.2.0/24' },
      'ip rule del priority 100',
    ]);
  });

  it.each([
    ['it has the longer routes inside', routesBut('nothing', 'blackhole 10.244.0.0/16')],
    ['it is in a table that nobody asks', routesBut('nothing', 'blackhole 10.244.2.0/24 table 99')],
    ['nobody has its range', routesBut('nothing', 'blackhole 10.99.0.0/16')],
    [
      'it says that IPv6 has no default route',
      routesBut('nothing', 'unreachable default dev lo metric 4294967295 pref medium'),
    ],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it("Calico's own block is left alone, also where the range that a Node shows and nobody uses begins alike", () => {
    const own = ['blackhole 10.244.2.0/26 proto bird', '10.244.2.5 dev cali1 scope link'];
    const mine = pod('shop/web-0', 'node-a', '10.244.2.5');
    expect(evaluate(withCalico(own, [mine]))).toEqual([]);
    expect(evaluate(anyNode({ parts: { routes: reported(routes([defaultRoute, ...own])) } }))).toEqual([]);
    const cilium = { routes: reported(routes(['blackhole 10.244.2.0/24'])), cni: reported(ciliumFiles) };
    expect(evaluate(anyNode({ parts: cilium }))).toEqual([]);
  });

  it('a block of Calico that has moved on takes the pod that lives elsewhere now', () => {
    const block = 'blackhole 10.244.77.64/26 proto 80';
    const there = pod('shop/web-0', 'node-b', '10.244.77.70');
    expect(summaries(withCalico([block], [there]))).toEqual([
      'node-a drops what its pods send to pods of node-b: shop/web-0 (10.244.77.70) is swallowed by `blackhole 10.244.77.64/26`.',
    ]);
    const borrowed = '10.244.77.70 via 192.168.100.12 dev tunl0 proto bird onlink';
    expect(summaries(withCalico([block, borrowed], [there]))).toEqual([]);
    const gone: readonly Partial<Pod>[] = [{ phase: 'Succeeded' }, { terminating: true }, { nodeName: 'node-a' }];
    expect(gone.flatMap((one) => summaries(withCalico([block], [{ ...there, ...one }])))).toEqual([]);
  });

  it("Calico's blackhole is told where flannel has taken its place", () => {
    const parts = routesBut('10.244.2.0/24', 'blackhole 10.244.2.0/26 proto bird');
    expect(evaluate(flannelNode({ parts }))).toHaveLength(1);
  });

  it('takes the range of Services (calico#2457), but not where IPVS has the addresses on the node itself', () => {
    const kubernetes = service('default/kubernetes').clusterIP('10.96.0.1').built;
    const of = (...lines: readonly string[]) =>
      anyNode({
        snapshot: { services: [kubernetes] },
        parts: {
          routes: reported(routes([defaultRoute, 'blackhole 10.96.0.0/12 proto bird', ...lines])),
          cni: reported(calicoFiles),
        },
      });
    expect(summaries(of())).toEqual([
      'node-a drops what it sends to Services: the Service default/kubernetes (10.96.0.1) is swallowed by `blackhole 10.96.0.0/12`.',
    ]);
    expect(summaries(of('local 10.96.0.1 dev kube-ipvs0 table local proto kernel scope host src 10.96.0.1'))).toEqual(
      [],
    );
  });
});
