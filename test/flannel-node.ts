/** A sound node of a flannel overlay of three nodes, for tests that change one thing of it. */
import type { NodeView } from '../aggregator/model/check.ts';
import type { NodeLink, NodeParts } from '../proto/parts.ts';
import { address, prefix } from './builders.ts';
import {
  anyNode,
  counters,
  entry,
  flannelDevice,
  flannelFiles,
  flannelWord,
  link,
  listed,
  macOf,
  type NetworkSketch,
  neighbour,
  nodeAddress,
  numberedNode,
  route,
  routes,
  settings,
  reportOf,
} from './network-builders.ts';
import { reported } from './view-builders.ts';

/** The parts of a sound node of a flannel overlay of three. */
export function flannelParts(number: number): Partial<NodeParts> {
  const peers = [1, 2, 3].filter((one) => one !== number);
  return {
    links: reported({
      links: listed([
        link('eth0'),
        flannelDevice(number),
        link('cni0', { kind: 'bridge', mtu: 1450 }),
        link('veth1', { kind: 'veth', mtu: 1450, master: 'cni0', peerIndex: 3, peerNamespaceId: 0 }),
        link('veth2', { kind: 'veth', mtu: 1450, master: 'cni0', peerIndex: 3, peerNamespaceId: 1 }),
      ]),
    }),
    addresses: reported({
      addresses: [
        { link: 'eth0', address: nodeAddress(number), prefixLength: 24 },
        { link: 'flannel.1', address: address(`10.244.${number}.0`), prefixLength: 32 },
        { link: 'cni0', address: address(`10.244.${number}.1`), prefixLength: 24 },
      ],
      links: ['eth0', 'flannel.1', 'cni0', 'veth1', 'veth2'],
    }),
    routes: reported(
      routes([
        'default via 192.168.100.1 dev eth0',
        `10.244.${number}.0/24 dev cni0 proto kernel scope link src 10.244.${number}.1`,
        ...peers.map((peer) => `10.244.${peer}.0/24 via 10.244.${peer}.0 dev flannel.1 onlink`),
        `192.168.100.0/24 dev eth0 proto kernel scope link src ${nodeAddress(number)}`,
      ]),
    ),
    neighbours: reported({
      neighbours: listed(peers.map((peer) => neighbour('flannel.1', `10.244.${peer}.0`, macOf(peer)))),
      entries: listed(peers.map((peer) => entry('flannel.1', macOf(peer), nodeAddress(peer)))),
    }),
    networkSettings: reported(settings()),
    networkCounters: reported(counters()),
    offloads: reported({ links: [{ link: 'flannel.1', transmitChecksum: true }] }),
    cni: reported(flannelFiles),
    flannel: reported({
      networks: [prefix('10.244.0.0/16')],
      subnets: [{ range: prefix(`10.244.${number}.0/24`), gateway: address(`10.244.${number}.1`) }],
      mtu: 1450,
      masquerade: true,
    }),
  };
}

/** node-a of a flannel overlay of three nodes, all sound but for what is said. */
export function flannelNode(sketch: NetworkSketch = {}): NodeView {
  const nodes = sketch.nodes ?? [1, 2, 3].map((number) => numberedNode(number, { cni: flannelWord(number) }));
  return anyNode({
    ...sketch,
    nodes,
    parts: { ...flannelParts(1), ...sketch.parts },
    peers: { 'node-b': flannelParts(2), 'node-c': flannelParts(3), ...sketch.peers },
  });
}

/** node-a's routes of a flannel overlay, but for those that begin so, and with others. */
export function routesBut(start: string, ...others: readonly string[]): Partial<NodeParts> {
  const known = reportOf(flannelParts(1), 'routes').routes.first;
  const kept = known.filter(({ destination, link }) => !`${destination} dev ${link}`.startsWith(start));
  return { routes: reported({ routes: listed([...kept, ...others.map((line) => route(line))]), rules: null }) };
}

/** node-a's links of a flannel overlay with changes of some of them; null takes one away. */
export function linksWith(changes: Readonly<Record<string, Partial<NodeLink> | null>>): Partial<NodeParts> {
  const known = reportOf(flannelParts(1), 'links').links.first;
  const changed = known.flatMap((one) => {
    const change = changes[one.name];
    return change === null ? [] : [{ ...one, ...change }];
  });
  const names = new Set(known.map(({ name }) => name));
  const others = Object.entries(changes).flatMap(([name, change]) =>
    names.has(name) || change === null ? [] : [link(name, change)],
  );
  return { links: reported({ links: listed([...changed, ...others]) }) };
}
