/** Faults of what CNI keeps in files: configurations, plugins, and addresses that were given away. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Undo } from './fault-undo.ts';
import type { LabPod, PodNode } from './pod-node.ts';

/** A plugin's file is gone. */
export function pluginRemoved({ folders }: PodNode, plugin: string): Undo {
  const file = join(folders.cniPlugins, plugin);
  const aside = join(folders.cniPlugins, `../${plugin}.aside`);
  renameSync(file, aside);
  return () => renameSync(aside, file);
}

/** Another program's configuration comes first, as containerd's own example does beside a CNI's. */
export function secondConfiguration({ folders }: PodNode): Undo {
  const file = join(folders.cniConfigurations, '00-other.conf');
  const ipam = { type: 'host-local', ranges: [[{ subnet: '10.88.0.0/16' }]], routes: [{ dst: '0.0.0.0/0' }] };
  const other = { cniVersion: '1.0.0', name: 'other', type: 'bridge', bridge: 'cni-other', isGateway: true, ipam };
  writeFileSync(file, JSON.stringify(other));
  return () => rmSync(file);
}

/** No configuration is there. */
export function configurationsRemoved({ folders }: PodNode): Undo {
  const kept = contentsOf(folders.cniConfigurations);
  for (const [file] of kept) rmSync(file);
  return () => restore(kept);
}

/** A configuration was cut to nothing, as by a full disk. */
export function configurationsEmptied({ folders }: PodNode): Undo {
  const kept = contentsOf(folders.cniConfigurations);
  for (const [file] of kept) writeFileSync(file, '');
  return () => restore(kept);
}

function contentsOf(folder: string): readonly (readonly [file: string, text: string])[] {
  return readdirSync(folder).map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')] as const);
}

function restore(kept: readonly (readonly [file: string, text: string])[]): void {
  for (const [file, text] of kept) writeFileSync(file, text);
}

/** An address that host-local keeps for a sandbox which is gone. @param last of the node's range. */
export function reservationLeft(node: PodNode, last: number): Undo {
  const file = join(reservationsOf(node), `10.244.${node.number}.${last}`);
  writeFileSync(file, `${randomBytes(32).toString('hex')}\r\neth0`, { flag: 'wx' });
  return () => rmSync(file, { force: true });
}

/** Every address that is left of the node's range, kept for sandboxes which are gone. */
export function rangeUsedUp(node: PodNode): Undo {
  const taken = new Set(readdirSync(reservationsOf(node)));
  const left: Undo[] = [];
  // .0 is the range's own, .1 the gateway's, .255 its broadcast address.
  for (let last = 2; last < 255; last++) {
    if (!taken.has(`10.244.${node.number}.${last}`)) left.push(reservationLeft(node, last));
  }
  return () => {
    for (const undo of left) undo();
  };
}

/**
 * host-local has forgotten whom it gave the first address, as when its file was lost: the next pod gets it too. The
 * undo ends that pod.
 */
export async function addressGivenTwice(node: PodNode): Promise<{ readonly pod: LabPod; undo(): Promise<void> }> {
  const first = `10.244.${node.number}.2`;
  const kept = contentsOf(reservationsOf(node)).filter(
    ([file]) => file.endsWith(`/${first}`) || file.includes('/last_reserved_ip'),
  );
  for (const [file] of kept) rmSync(file);
  const pod = await node.addPod(`twin-${node.number}`);
  return {
    pod,
    undo: async () => {
      await node.removePod(pod);
      restore(kept);
    },
  };
}

/** host-local's folder of the one network that there is. */
function reservationsOf({ folders }: PodNode): string {
  const networks = join(folders.cniState, 'networks');
  const [network = ''] = readdirSync(networks);
  return join(networks, network);
}
