/** What a restart of flannel does to a node of a lab; nothing where there is no flannel.1 to be restarted. */
import * as faults from './overlay-faults.ts';
import * as lab from './overlay-lab.ts';
import { runIn } from './namespaces.ts';
import type { PodNode } from './pod-node.ts';

/** The MAC address of flannel.1; null where there is none. */
export function macOf(node: PodNode): string | null {
  return runIn(node.namespace, 'ip', ['link', 'show', 'flannel.1']).ok ? lab.macOf(node) : null;
}

/** @param mac that the Node says it has. */
export function remakeTunnel(node: PodNode, all: readonly PodNode[], mac: string | null): void {
  if (mac === null) return;
  runIn(node.namespace, 'ip', ['link', 'del', 'flannel.1']);
  faults.remakeTunnel(node, all, mac);
}
