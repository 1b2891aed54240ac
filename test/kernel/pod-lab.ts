/**
 * Nodes whose pods are wired by a real CNI plugin, and which reach each other's pods by plain routes:
 *
 *   bridge: pod eth0 10.244.N.2 ---- vethX [ cni0 10.244.N.1 ] node N: eth0 192.168.100.1N ---- switch
 *   ptp:    pod eth0 10.244.N.2 ---- vethX 10.244.N.1          node N: eth0 192.168.100.1N ---- switch
 *                                    (and a route for each pod's address)
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cniWiring } from './cni-runtime.ts';
import { openLabNodes, type PodLab, peersOf } from './lab-nodes.ts';
import { ipIn } from './lab-switch.ts';
import type { PodNode } from './pod-node.ts';

/** Nodes with two pods each. */
export function openPodLab(purpose: string, wired: 'bridge' | 'ptp', nodes = 2): Promise<PodLab> {
  return openLabNodes({
    purpose,
    kind: 'plain',
    nodes,
    plugins: [wired, 'host-local', 'portmap', 'loopback'],
    wiring: cniWiring,
    prepare: (all) => {
      for (const node of all) {
        writeConfiguration(node, wired);
        const routes = peersOf(node, all).map(({ range, address }) => `route add ${range} via ${address} dev eth0`);
        ipIn(node.namespace, routes);
      }
    },
    annotations: () => ({}),
    end: null,
  });
}

function writeConfiguration({ range, folders }: PodNode, wired: 'bridge' | 'ptp'): void {
  writeFileSync(join(folders.cniConfigurations, '10-lab.conflist'), configurationOf(range, wired));
}

/** The text of the file: all labs have a network of this name. */
export function configurationOf(range: string, wired: 'bridge' | 'ptp'): string {
  const ipam = { type: 'host-local', ranges: [[{ subnet: range }]], routes: [{ dst: '0.0.0.0/0' }] };
  const plugin =
    wired === 'bridge'
      ? { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipMasq: false, mtu: 1500, ipam }
      : { type: 'ptp', ipMasq: false, mtu: 1500, ipam };
  const plugins = [plugin, { type: 'portmap', capabilities: { portMappings: true }, snat: true }];
  return `${JSON.stringify({ cniVersion: '1.0.0', name: 'labnet', plugins })}\n`;
}
