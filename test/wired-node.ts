/** A sound node whose pods are joined by the plugin bridge or ptp, for tests that change one thing of it. */
import type { NodeView } from '../aggregator/model/check.ts';
import type { Pod, PodEvent } from '../aggregator/model/cluster.ts';
import type { CniReport, CniResult, NodeLink, NodeParts, PodNetwork } from '../proto/parts.ts';
import { address, pod } from './builders.ts';
import { anyNode, cniFiles, link, listed, type NetworkSketch, routes } from './network-builders.ts';
import { reported } from './view-builders.ts';

/** The parts were read at 07:34:15; these pods are an hour older. */
const anHourBefore = '2026-11-22T06:34:15Z';

/** shop/web-0 is 10.244.1.2, and so on. */
export function webPod(number: number, changes: Partial<Pod> = {}): Pod {
  const one = pod(`shop/web-${number}`, 'node-a', `10.244.1.${number + 2}`);
  return { ...one, createdAt: anHourBefore, startedAt: anHourBefore, ...changes };
}

/** Its container's id: 64 digits. */
export function sandboxOf(number: number): string {
  return String(number).repeat(64);
}

/** What libcni wrote down of it. */
export function resultOf(number: number, plugin: 'bridge' | 'ptp', changes: Partial<CniResult> = {}): CniResult {
  return {
    network: 'cbr0',
    container: sandboxOf(number),
    link: 'eth0',
    pod: { namespace: 'shop', name: `web-${number}`, uid: `uid-of-web-${number}` },
    addresses: [address(`10.244.1.${number + 2}`)],
    nodeLinks: plugin === 'bridge' ? ['cni0', `veth${number}`] : [`veth${number}`],
    networkNamespace: `cni-${number}`,
    ...changes,
  };
}

/** What is seen of its namespace. */
export function networkOf(number: number, changes: Partial<PodNetwork> = {}): PodNetwork {
  const gateway = address('10.244.1.1');
  return {
    uid: `uid-of-web-${number}`,
    pod: null,
    containers: [sandboxOf(number)],
    namespace: 'own',
    links: [{ name: 'eth0', index: 2 }],
    addresses: [{ link: 'eth0', address: address(`10.244.1.${number + 2}`), prefixLength: 24 }],
    defaultRoutes: [{ family: 'ipv4', link: 'eth0', gateway, isDead: false }],
    ...changes,
  };
}

/** What its kubelet says of it, a moment before the parts were read. */
export function sandboxEvent(number: number, changes: Partial<PodEvent> = {}): PodEvent {
  return {
    uid: `event-${number}`,
    namespace: 'shop',
    name: `web-${number}`,
    podUid: `uid-of-web-${number}`,
    nodeName: 'node-a',
    reason: 'FailedCreatePodSandBox',
    message: 'failed to find plugin "portmap" in path [/opt/cni/bin]',
    count: 4,
    firstAt: '2026-11-22T07:20:00Z',
    lastAt: '2026-11-22T07:34:00Z',
    ...changes,
  };
}

export function vethOf(number: number, plugin: 'bridge' | 'ptp', changes: Partial<NodeLink> = {}): NodeLink {
  const master = plugin === 'bridge' ? 'cni0' : null;
  const hairpin = plugin === 'bridge' ? true : null;
  return link(`veth${number}`, {
    kind: 'veth',
    mtu: 1450,
    master,
    hairpin,
    peerIndex: 2,
    peerNamespaceId: number,
    ...changes,
  });
}

/** What of a sound node is to be otherwise. */
export interface WiredSketch {
  readonly plugin?: 'bridge' | 'ptp';
  readonly pods?: readonly Pod[];
  readonly events?: readonly PodEvent[];
  readonly links?: readonly NodeLink[];
  readonly routes?: readonly string[];
  readonly cni?: Partial<CniReport>;
  readonly networks?: readonly PodNetwork[];
  readonly parts?: Partial<NodeParts>;
  readonly snapshot?: NetworkSketch['snapshot'];
}

/** The CNI files of a node with web-0 and web-1. */
export function wiredFiles(plugin: 'bridge' | 'ptp'): CniReport {
  const files = cniFiles('10-lab.conflist', {
    type: plugin,
    ipam: 'host-local',
    bridge: plugin === 'bridge' ? 'cni0' : null,
  });
  const reservations = [0, 1].map((number) => ({
    network: 'cbr0',
    address: address(`10.244.1.${number + 2}`),
    container: sandboxOf(number),
    link: 'eth0',
  }));
  return {
    ...files,
    reservations: listed(reservations),
    results: listed([0, 1].map((number) => resultOf(number, plugin))),
    pluginFolders: [{ path: '/opt/cni/bin', executables: ['bridge', 'host-local', 'portmap', 'ptp'] }],
  };
}

/** node-a with shop/web-0 and shop/web-1, wired as they should be but for what is said. */
export function wiredNode(sketch: WiredSketch = {}): NodeView {
  const { plugin = 'bridge', pods = [webPod(0), webPod(1)], events = [], snapshot = {} } = sketch;
  const bridge = plugin === 'bridge' ? [link('cni0', { kind: 'bridge', mtu: 1450 })] : [];
  const links = sketch.links ?? [link('eth0'), ...bridge, vethOf(0, plugin), vethOf(1, plugin)];
  const own =
    plugin === 'bridge'
      ? ['10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1']
      : ['10.244.1.2/32 dev veth0 scope host', '10.244.1.3/32 dev veth1 scope host'];
  return anyNode({
    pods,
    snapshot: { podEvents: events, ...snapshot },
    parts: {
      links: reported({ links: listed(links) }),
      addresses: reported({ addresses: [], links: links.map(({ name }) => name) }),
      routes: reported(routes(sketch.routes ?? ['default via 192.168.100.1 dev eth0', ...own])),
      cni: reported({ ...wiredFiles(plugin), ...sketch.cni }),
      podNetworks: reported({
        pods: listed(sketch.networks ?? [networkOf(0), networkOf(1)]),
        unread: 0,
        problem: null,
      }),
      ...sketch.parts,
    },
  });
}
