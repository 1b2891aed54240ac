/**
 * Two nodes as Calico leaves them without a tunnel: each has a block of addresses, and tells the other of it by BGP.
 *
 *   pod 10.244.N.2/32 ---- caliX node N: 10.244.N.0/26 blackhole (BIRD), 10.244.M.0/26 via 192.168.100.1M (BIRD)
 *   node N: eth0 192.168.100.1N ---- switch, TCP port 179
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bird, converged, startBird } from './bird.ts';
import { calicoWiring } from './calico-wiring.ts';
import { openLabNodes, type PodLab, peersOf } from './lab-nodes.ts';
import { whyNotHere } from './namespaces.ts';
import type { PodNode } from './pod-node.ts';

export interface BgpLab extends PodLab {
  /** One for each node, in their order. */
  readonly birds: readonly Bird[];
  /** Waits until the sessions are there, and with them the routes. @throws after 20 s, with the routes that there are. */
  converged(): Promise<void>;
}

/** Calico's block of a node, 64 addresses. */
function blockOf({ number }: PodNode): string {
  return `10.244.${number}.0/26`;
}

/** Two nodes with two pods each, and their sessions established. */
export async function openBgpLab(purpose: string): Promise<BgpLab> {
  const obstacle = whyNotHere(['bird', 'birdc']);
  if (obstacle !== null) throw new Error(obstacle);
  const birds: Bird[] = [];
  const lab = await openLabNodes({
    purpose,
    kind: 'calico',
    nodes: 2,
    plugins: ['portmap', 'loopback'],
    wiring: calicoWiring,
    prepare: async (all) => {
      for (const node of all) writeFiles(node);
      const begun = all.map((node) => startBird({ node, peers: peersOf(node, all), blockOf }));
      birds.push(...(await Promise.all(begun)));
      await converged(birds, blockOf);
    },
    annotations: (node) => ({ 'projectcalico.org/IPv4Address': `${node.address}/24` }),
    end: async () => {
      await Promise.all(birds.map((bird) => bird.stop()));
    },
  });
  return { ...lab, birds, converged: () => converged(birds, blockOf) };
}

/** Calico's conflist (node/..., calico.yaml), without what it tells of the API. */
function writeFiles({ folders }: PodNode): void {
  const plugins = [
    { type: 'calico', mtu: 0, ipam: { type: 'calico-ipam' }, policy: { type: 'k8s' } },
    { type: 'portmap', snat: true, capabilities: { portMappings: true } },
  ];
  const conflist = { name: 'k8s-pod-network', cniVersion: '0.3.1', plugins };
  writeFileSync(join(folders.cniConfigurations, '10-calico.conflist'), JSON.stringify(conflist, null, 2));
  for (const name of ['calico', 'calico-ipam']) {
    const plugin = join(folders.cniPlugins, name);
    writeFileSync(plugin, '#!/bin/sh\n# calico-wiring.ts does in its place what it would do.\nexit 1\n');
    chmodSync(plugin, 0o755);
  }
}
