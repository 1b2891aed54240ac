/** node-c of a recorded cluster in a namespace of its own: kube-proxy's nftables rules, and what answers as kube-proxy. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type DemoNode, makeNode, nodePrograms, removeNode } from '../../cli/demo/demo-nodes.ts';
import type { Cluster } from '../e2e/cluster.ts';
import { recordingFolder } from '../recordings.ts';

export interface NftablesNode {
  readonly namespace: string;
  /** What stands before a command of it. */
  readonly enter: readonly string[];
  remove(): void;
}

/** @param purpose a part of the namespace's name. What answers as kube-proxy ends with the cluster. */
export function openNftablesNode(cluster: Cluster, purpose: string): NftablesNode {
  const namespace = `plumbline-test-${process.pid}-${purpose}-node-c`;
  const node: DemoNode = {
    name: 'node-c',
    folder: join(cluster.folder, 'node-c'),
    kernel: { namespace, writes: 'nftables' },
  };
  const recording = recordingFolder('s1-healthy');
  // The answers of its kube-proxy are given new times.
  const recorded = join(cluster.folder, 'recorded-node-c');
  cpSync(join(recording, 'node-c'), recorded, { recursive: true });
  const made = makeNode(node, { nodeFolder: () => recorded, apiFolder: join(recording, 'api'), watchFolder: '' });
  if (!made.ok) throw new Error(made.refusal.cameBack);
  const [proxy] = nodePrograms(node, { socket: '', logFolder: cluster.folder });
  if (proxy !== undefined) cluster.start(proxy.name, proxy.command, proxy.folder);
  return { namespace, enter: ['ip', 'netns', 'exec', namespace], remove: () => removeNode(node, true) };
}
