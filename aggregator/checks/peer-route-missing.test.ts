import { describe, expect, it } from 'vitest';
import type { ClusterNode } from '../model/cluster.ts';
import { address, prefix } from '../../test/builders.ts';
import { flannelNode, linksWith, routesBut } from '../../test/flannel-node.ts';
import {
  anyNode,
  calicoFiles,
  ciliumFiles,
  cniFiles,
  flannelDevice,
  flannelWord,
  nodeAddress,
  numberedNode,
  routes,
} from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { peerRouteMissing } from './peer-route-missing.ts';

const { evaluate } = peerRouteMissing;
type View = Parameters<typeof evaluate>[0];
const told = (view: View) => evaluate(view).map(({ subject, evidence }) => [subject, ...evidence.slice(1, 2)]);
const real = (value: string) => ({ kind: 'fact', name: 'real', value });
const nodeB = { kind: 'Peer', name: 'node-b' };
const flannelNodes = (count: number, changes: (number: number) => Partial<ClusterNode> = () => ({})) =>
  Array.from({ length: count }, (_, i) => numberedNode(i + 1, { cni: flannelWord(i + 1), ...changes(i + 1) }));

describe('peer-route-missing, flannel with VXLAN', () => {
  it('the route to one node is gone, so that packets take the default route', () => {
    expect(evaluate(flannelNode({ parts: routesBut('10.244.2.0/24') }))).toEqual([
      {
        subject: nodeB,
        summary:
          'Pods of node-a do not reach pods of node-b: packets for 10.244.2.0/24 take the default route via 192.168.100.1 dev eth0.',
        evidence: [
          { kind: 'fact', name: 'wanted', value: '10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink' },
          real('the default route via 192.168.100.1 dev eth0'),
        ],
        remediation: [
          {
            command: 'ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink',
            effect: 'Run on node-a: writes the route as it should be, until the next boot or whoever flushes it.',
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
      'leads to the node by another link',
      '10.244.2.0/24 via 10.244.2.0 dev eth0 onlink',
      'the route 10.244.2.0/24 via 10.244.2.0 dev eth0',
    ],
    [
      'leads to a third node',
      '10.244.2.0/24 via 10.244.3.0 dev flannel.1 onlink',
      'the route 10.244.2.0/24 via 10.244.3.0 dev flannel.1',
    ],
    [
      'is dead',
      '10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink linkdown',
      'the default route via 192.168.100.1 dev eth0',
    ],
  ])('the route %s', (_, line, value) => {
    expect(told(flannelNode({ parts: routesBut('10.244.2.0/24', line) }))).toEqual([[nodeB, real(value)]]);
  });

  it('all routes of more than two nodes are gone: one finding', () => {
    const [one] = evaluate(flannelNode({ nodes: flannelNodes(4), parts: { routes: reported(routes([])) } }));
    expect(one).toMatchObject({
      subject: { kind: 'Node', name: 'node-a' },
      summary: 'Pods of node-a reach pods of no other node: the routes to all 3 peers are missing or wrong.',
      explainsTopics: 'all',
    });
  });

  it.each([
    ['all are there', {}],
    [
      'nodes of the same network are reached directly (DirectRouting)',
      routesBut('10.244.2.0/24', '10.244.2.0/24 via 192.168.100.12 dev eth0'),
    ],
    ['flannel.1 is absent, which is another finding', { ...routesBut('10.244.'), ...linksWith({ 'flannel.1': null }) }],
    [
      'a device of a former VNI is left',
      linksWith({ 'flannel.0': { ...flannelDevice(1), name: 'flannel.0', mac: '02:00:00:00:00:99' } }),
    ],
    ['a blackhole is in the way, which is another finding', routesBut('10.244.2.0/24', 'blackhole 10.244.2.0/24')],
    [
      'the list of routes was cut',
      {
        routes: reported({
          ...routes([]),
          routes: { total: 9, first: routes(['default via 192.168.100.1 dev eth0']).routes.first },
        }),
      },
    ],
    ['routes were not read', { routes: { state: 'failed', reason: 'EPERM' } } as const],
    ['the node went over to Calico', { ...routesBut('10.244.'), cni: reported(calicoFiles) }],
    ['the node went over to Cilium', { ...routesBut('10.244.'), cni: reported(ciliumFiles) }],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it.each([
    ['is not ready', { ready: false }],
    ['is about to go', { leaving: true }],
    ['has come 30 s before the reading', { createdAt: '2026-11-22T07:33:45Z' }],
    ['has no word of flannel yet', { cni: flannelWord(2, 'none') }],
    ['has no range yet', { podCIDRs: [] }],
  ])('a node that %s need not have a route', (_, changes) => {
    const nodes = flannelNodes(3, (number) => (number === 2 ? changes : {}));
    expect(evaluate(flannelNode({ nodes, parts: routesBut('10.244.2.0/24') }))).toEqual([]);
  });
});

describe('peer-route-missing, flannel with host-gw', () => {
  const nodes = flannelNodes(3, (number) => ({ cni: flannelWord(number, 'host-gw') }));
  const of = (...lines: readonly string[]) => flannelNode({ nodes, parts: { routes: reported(routes(lines)) } });

  it('routes lead to the address that the other node publishes', () => {
    expect(told(of('10.244.2.0/24 via 192.168.100.12 dev eth0', '10.244.3.0/24 via 192.168.100.13 dev eth0'))).toEqual(
      [],
    );
    expect(told(of('10.244.2.0/24 via 192.168.100.99 dev eth0', '10.244.3.0/24 via 192.168.100.13 dev eth0'))).toEqual([
      [nodeB, real('the route 10.244.2.0/24 via 192.168.100.99 dev eth0')],
    ]);
  });
});

describe('peer-route-missing, routes by custom', () => {
  const onLink = '192.168.100.0/24 dev eth0 proto kernel scope link src 192.168.100.11';
  const defaultRoute = 'default via 192.168.100.1 dev eth0';
  const to = (number: number) => `10.244.${number}.0/24 via ${nodeAddress(number)} dev eth0`;
  const bridge = reported(cniFiles('10-labnet.conflist', { type: 'bridge', ipam: 'host-local', bridge: 'cni0' }));
  const of = (lines: readonly string[], sketch: Parameters<typeof anyNode>[0] = {}): View =>
    anyNode({
      ...sketch,
      parts: { routes: reported(routes([defaultRoute, onLink, ...lines])), cni: bridge, ...sketch.parts },
    });
  const nodes = (count: number, changes: (number: number) => Partial<ClusterNode> = () => ({})) =>
    Array.from({ length: count }, (_, i) => numberedNode(i + 1, changes(i + 1)));

  it('one is missing where the other is there; a route to a wrong node, or onto the bridge, is wrong', () => {
    const lost = [nodeB, real('the default route via 192.168.100.1 dev eth0')];
    expect(told(of([to(3)]))).toEqual([lost]);
    expect(told(of([to(3), '10.244.2.0/24 via 192.168.100.13 dev eth0']))).toEqual([
      [nodeB, real('the route 10.244.2.0/24 via 192.168.100.13 dev eth0')],
    ]);
    expect(told(of([to(3), '10.244.2.0/24 dev cni0']))).toEqual([[nodeB, real('the route 10.244.2.0/24 dev cni0')]]);
    expect(told(of([to(3), '10.244.0.0/16 via 192.168.100.1 dev eth0']))).toHaveLength(1);
  });

  it('all are gone, and other nodes still lead here', () => {
    const leading = { routes: reported(routes([onLink, '10.244.1.0/24 via 192.168.100.11 dev eth0'])) };
    expect(told(of([], { peers: { 'node-b': leading, 'node-c': leading } }))).toHaveLength(2);
    const without = { routes: reported(routes([onLink])) };
    expect(told(of([], { peers: { 'node-b': without, 'node-c': without } }))).toEqual([]);
  });

  it.each([
    ['all are there', [to(2), to(3)]],
    ['none is there: a cloud routes (kubenet, AWS, GCE)', []],
    [
      'a tunnel leads to the one in another network (kube-router, Antrea)',
      [to(3), '10.244.2.0/24 dev tun-19216810012'],
    ],
    ['somebody leads it through a router of his own', [to(3), '10.244.2.0/24 via 192.168.100.254 dev eth0']],
  ])('nothing is said where %s', (_, lines) => {
    expect(evaluate(of(lines))).toEqual([]);
  });

  it("nodes of another network are the router's business (kube-router, BGP to the router)", () => {
    const far = { addresses: [address('192.168.200.12')] };
    expect(evaluate(of([to(3), to(4)], { nodes: nodes(4, (number) => (number === 2 ? far : {})) }))).toEqual([]);
  });

  it('the default router being a node is no route of its own', () => {
    const router = ['default via 192.168.100.12 dev eth0'];
    const view = anyNode({ parts: { routes: reported(routes([...router, onLink])), cni: bridge } });
    expect(evaluate(view)).toEqual([]);
  });

  it('any address of the other node does', () => {
    const two = { addresses: [address('203.0.113.2'), nodeAddress(2)] };
    expect(evaluate(of([to(2), to(3)], { nodes: nodes(3, (number) => (number === 2 ? two : {})) }))).toEqual([]);
  });

  it('each family counts by itself', () => {
    const dual = (number: number) => ({
      podCIDRs: [prefix(`10.244.${number}.0/24`), prefix(`fd00:10:244:${number}::/64`)],
      addresses: [nodeAddress(number), address(`fd00:100::1${number}`)],
    });
    const six = ['fd00:100::/64 dev eth0 proto kernel', 'fd00:10:244:3::/64 via fd00:100::13 dev eth0'];
    const found = evaluate(of([to(2), to(3), ...six], { nodes: nodes(3, dual) }));
    expect(found.map(({ subject, summary }) => [subject, summary])).toEqual([
      [nodeB, 'Pods of node-a do not reach pods of node-b: packets for fd00:10:244:2::/64 take no route.'],
    ]);
    expect(found[0]?.remediation[0]?.command).toBe('ip -6 route replace fd00:10:244:2::/64 via fd00:100::12');
  });

  it('nothing is wanted of Calico and Cilium', () => {
    const told = [calicoFiles, ciliumFiles].flatMap((cni) => evaluate(of([to(3)], { parts: { cni: reported(cni) } })));
    expect(told).toEqual([]);
  });

  it('5,000 nodes take a few milliseconds', () => {
    const many = Array.from({ length: 5000 }, (_, i): ClusterNode => {
      const [high, low] = [Math.floor(i / 250), i % 250];
      const range = prefix(`10.${high + 100}.${low}.0/24`);
      return {
        ...numberedNode(1),
        name: i === 0 ? 'node-a' : `node-${i}`,
        podCIDRs: [range],
        addresses: [address(`172.16.${high}.${low + 1}`)],
      };
    });
    const lines = many.slice(2).map(({ podCIDRs, addresses }) => `${podCIDRs[0]} via ${addresses[0]} dev eth0`);
    const report = routes(['172.16.0.0/16 dev eth0 proto kernel', ...lines]);
    const view = anyNode({ nodes: many, parts: { routes: reported(report), cni: bridge } });
    expect(evaluate(view)).toHaveLength(1);
    const before = performance.now();
    evaluate(view);
    expect(performance.now() - before).toBeLessThan(100);
  });
});
