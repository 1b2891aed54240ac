/** Where a node of a lab has its files: folders of its own, which stand for fixed places of a real node. */
import { copyFileSync, linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { mustRunIn } from './namespaces.ts';

export interface NodeFolders {
  /** /etc/cni/net.d */
  readonly cniConfigurations: string;
  /** /var/lib/cni */
  readonly cniState: string;
  /** /opt/cni/bin */
  readonly cniPlugins: string;
  /** /run/flannel */
  readonly runFlannel: string;
  /** /var/run/calico */
  readonly runCalico: string;
}

/** Makes the folders of one node, all empty. */
export function makeFolders(root: string): NodeFolders {
  const folders = {
    cniConfigurations: join(root, 'etc-cni-net.d'),
    cniState: join(root, 'var-lib-cni'),
    cniPlugins: join(root, 'cni-bin'),
    runFlannel: join(root, 'run-flannel'),
    runCalico: join(root, 'run-calico'),
  };
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  return folders;
}

/** From places of a node to what stands for them; a place that a node of this kind does not have is left out. */
export function placesOf(folders: NodeFolders, kind: 'plain' | 'flannel' | 'calico'): Readonly<Record<string, string>> {
  return {
    '/etc/cni/net.d': folders.cniConfigurations,
    '/var/lib/cni': folders.cniState,
    '/opt/cni/bin': folders.cniPlugins,
    ...(kind === 'flannel' ? { '/run/flannel': folders.runFlannel } : {}),
    ...(kind === 'calico' ? { '/var/run/calico': folders.runCalico } : {}),
  };
}

/**
 * Runs a command line on a node as its administrator would: places of a real node stand for the lab's folders.
 * @throws with the command and its first line of stderr.
 */
export function runOnNode(
  { namespace, places }: { readonly namespace: string; readonly places: Readonly<Record<string, string>> },
  command: string,
): string {
  const here = Object.entries(places).reduce((text, [place, folder]) => text.replaceAll(place, folder), command);
  return mustRunIn(namespace, 'sh', ['-c', here]);
}

/** Where Debian has the plugins. */
export const debianPlugins = '/usr/lib/cni';

/** Copies plugins that are wanted once for all nodes; these then have links to the copies. */
export function copyPlugins(root: string, plugins: readonly string[]): string {
  const copies = join(root, 'plugins');
  mkdirSync(copies);
  for (const plugin of plugins) copyFileSync(join(debianPlugins, plugin), join(copies, plugin));
  return copies;
}

/** Gives a node these plugins, as files of its own that can be removed. */
export function installPlugins(folders: NodeFolders, copies: string, plugins: readonly string[]): void {
  for (const plugin of plugins) linkSync(join(copies, plugin), join(folders.cniPlugins, plugin));
}
