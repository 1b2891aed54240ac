/**
 * Three nodes as flannel leaves them (flannel-io/flannel, pkg/backend/vxlan/vxlan_network.go and device.go): for each
 * other node M one route, one permanent neighbour, and one forwarding entry.
 *
 *   pod 10.244.N.2 ---- vethX [ cni0 10.244.N.1 ] -- 10.244.M.0/24 via 10.244.M.0 -- flannel.1 10.244.N.0
 *                                                     10.244.M.0 is at M's MAC        M's MAC is at 192.168.100.1M
 *   node N: eth0 192.168.100.1N ---- switch, UDP port 8472
 *
 * With host-gw there is no device, and the route goes by the other node's address.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cniWiring } from './cni-runtime.ts';
import { openLabNodes, type PodLab, peersOf } from './lab-nodes.ts';
import { ipIn } from './lab-switch.ts';
import { mustRunIn } from './namespaces.ts';
import type { PodNode } from './pod-node.ts';

export type Backend = 'vxlan' | 'host-gw';

/** Of the packet that carries another one: IPv4, UDP, VXLAN and Ethernet headers. */
const overhead = 50;

/** Three nodes with two pods each. */
export function openOverlayLab(purpose: string, backend: Backend = 'vxlan'): Promise<PodLab> {
  return openLabNodes({
    purpose,
    kind: 'flannel',
    nodes: 3,
    plugins: ['bridge', 'host-local', 'portmap', 'loopback'],
    wiring: cniWiring,
    prepare: (all) => {
      for (const node of all) {
        writeFiles(node, backend);
        ipIn(node.namespace, backend === 'vxlan' ? deviceOf(node) : routesByNodes(node, all));
      }
      if (backend === 'vxlan') for (const node of all) tellOfPeers(node, all);
    },
    annotations: (node) => ({
      'flannel.alpha.coreos.com/backend-data': backend === 'vxlan' ? `{"VNI":1,"VtepMAC":"${macOf(node)}"}` : 'null',
      'flannel.alpha.coreos.com/backend-type': backend,
      'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
      'flannel.alpha.coreos.com/public-ip': node.address,
    }),
    end: null,
  });
}

/** The first address of a node's range: that of its flannel.1. */
export function tunnelAddress({ number }: PodNode): string {
  return `10.244.${number}.0`;
}

/** The MAC address of a node's flannel.1 as it is now. */
export function macOf({ namespace }: PodNode): string {
  const [link]: readonly { readonly address: string }[] = JSON.parse(
    mustRunIn(namespace, 'ip', ['-j', 'link', 'show', 'flannel.1']),
  );
  if (link === undefined) throw new Error(`${namespace} has no flannel.1`);
  return link.address;
}

/** How flannel.1 of a node is made and switched on. */
export function deviceOf(node: PodNode): readonly string[] {
  return [
    `link add flannel.1 type vxlan id 1 dev eth0 local ${node.address} dstport 8472 nolearning`,
    `link set flannel.1 mtu ${1500 - overhead}`,
    `addr add ${tunnelAddress(node)}/32 dev flannel.1`,
    'link set flannel.1 up',
  ];
}

/** Writes into a node how each other one is reached, as it should be. */
export function tellOfPeers(node: PodNode, all: readonly PodNode[]): void {
  for (const peer of peersOf(node, all)) {
    const mac = macOf(peer);
    ipIn(node.namespace, [
      `neigh replace ${tunnelAddress(peer)} lladdr ${mac} dev flannel.1 nud permanent`,
      `route replace ${peer.range} via ${tunnelAddress(peer)} dev flannel.1 onlink`,
    ]);
    mustRunIn(node.namespace, 'bridge', ['fdb', 'replace', mac, 'dev', 'flannel.1', 'dst', peer.address]);
  }
}

function routesByNodes(node: PodNode, all: readonly PodNode[]): readonly string[] {
  return peersOf(node, all).map(({ range, address }) => `route add ${range} via ${address} dev eth0`);
}

/** flannel's own conflist (Documentation/kube-flannel.yml), its subnet.env, and its plugin. */
function writeFiles({ number, folders }: PodNode, backend: Backend): void {
  const plugins = [
    { type: 'flannel', delegate: { hairpinMode: true, isDefaultGateway: true } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  const conflist = { name: 'cbr0', cniVersion: '0.3.1', plugins };
  writeFileSync(join(folders.cniConfigurations, '10-flannel.conflist'), JSON.stringify(conflist, null, 2));
  const lines = [
    'FLANNEL_NETWORK=10.244.0.0/16',
    `FLANNEL_SUBNET=10.244.${number}.1/24`,
    `FLANNEL_MTU=${backend === 'vxlan' ? 1500 - overhead : 1500}`,
    'FLANNEL_IPMASQ=true',
  ];
  writeFileSync(join(folders.runFlannel, 'subnet.env'), `${lines.join('\n')}\n`);
  const plugin = join(folders.cniPlugins, 'flannel');
  writeFileSync(plugin, '#!/bin/sh\n# cni-runtime.ts does in its place what it would do.\nexit 1\n');
  chmodSync(plugin, 0o755);
}
