/** What the labs of pods have in common: nodes at one switch, two pods on each, and what the API says of them. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Wiring } from './cni-runtime.ts';
import { apiOf, type LabApi, writeApi } from './lab-api.ts';
import { joinNode, openSwitch, type Switch, uplinkAddress } from './lab-switch.ts';
import { whyNotHere } from './namespaces.ts';
import { copyPlugins, debianPlugins, installPlugins, makeFolders, placesOf } from './node-folders.ts';
import { removeAbandonedCgroups } from './pod-cgroups.ts';
import { openPodNode, type PodNode } from './pod-node.ts';

export interface PodLab {
  readonly nodes: readonly PodNode[];
  /** What is between the nodes. */
  readonly switch: Switch;
  /** The objects of the API as they are now. */
  api(): LabApi;
  /** Writes them, or others, as the folder `api` of a bundle. @returns the folder. */
  writeApi(api?: LabApi): string;
  /** Ends the pods' processes, and removes all namespaces and files. */
  close(): Promise<void>;
}

/** What a lab is made of, whatever wires its pods. */
export interface LabPlan {
  /** Tells labs of one process apart. */
  readonly purpose: string;
  readonly kind: 'plain' | 'flannel' | 'calico';
  /** How many nodes, at most nine. */
  readonly nodes: number;
  /** Plugins of Debian's that are called. */
  readonly plugins: readonly string[];
  readonly wiring: Wiring;
  /** Gives the nodes what they need beyond their uplinks and folders. */
  readonly prepare: (nodes: readonly PodNode[]) => void | Promise<void>;
  /** What the CNI wrote on the Node, once it is prepared. */
  readonly annotations: (node: PodNode) => Readonly<Record<string, string>>;
  /** Ends what `prepare` has begun; null: nothing. */
  readonly end: (() => Promise<void>) | null;
}

/** Folders of labs begin with it, and with the process that made them. */
export const folderPrefix = 'plumbline-lab-';

/** Programs of this machine that every lab runs. */
const programs = ['ip', 'bridge', 'sysctl', 'setpriv', 'sleep', 'nft'];

/**
 * Opens the lab; what there is of it goes when that fails.
 * @throws with the command that failed, or with the one line that says why labs cannot be opened here.
 */
export async function openLabNodes(plan: LabPlan): Promise<PodLab> {
  const absent = plan.plugins.find((plugin) => !existsSync(join(debianPlugins, plugin)));
  const noPlugin =
    absent === undefined ? null : `kernel tests need ${debianPlugins}/${absent}: install containernetworking-plugins`;
  const obstacle = whyNotHere(programs) ?? noPlugin;
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandonedCgroups();
  removeAbandonedFolders();
  const root = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-${plan.purpose}-`));
  const between = openSwitch(plan.purpose);
  const nodes: PodNode[] = [];
  const close = async (): Promise<void> => {
    await plan.end?.();
    await Promise.all(nodes.map((node) => node.close()));
    between.close();
    rmSync(root, { recursive: true, force: true });
  };
  try {
    const copies = copyPlugins(root, plan.plugins);
    for (let number = 1; number <= plan.nodes; number++) nodes.push(openNode(plan, { number, root, copies, between }));
    await plan.prepare(nodes);
    await Promise.all(nodes.flatMap((node) => ['a', 'b'].map((letter) => node.addPod(`web-${node.number}${letter}`))));
  } catch (cause) {
    await close();
    throw cause;
  }
  const annotations = new Map(nodes.map((node) => [node, plan.annotations(node)]));
  const api = () => apiOf(nodes.map((node) => ({ node, annotations: annotations.get(node) ?? {} })));
  return {
    nodes,
    switch: between,
    api,
    writeApi: (objects = api()) => {
      writeApi(join(root, 'api'), objects);
      return join(root, 'api');
    },
    close,
  };
}

interface NodePlace {
  readonly number: number;
  /** The lab's folder. */
  readonly root: string;
  /** Where the plugins are copied from. */
  readonly copies: string;
  readonly between: Switch;
}

function openNode({ purpose, kind, plugins, wiring }: LabPlan, { number, root, copies, between }: NodePlace): PodNode {
  const name = `node-${number}`;
  const folders = makeFolders(join(root, name));
  installPlugins(folders, copies, plugins);
  return openPodNode({
    name,
    number,
    namespace: joinNode(between, purpose, number),
    address: uplinkAddress(number),
    range: `10.244.${number}.0/24`,
    folders,
    places: placesOf(folders, kind),
    wiring,
  });
}

/** Removes what earlier runs left behind when they were killed. */
export function removeAbandonedFolders(): void {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(folderPrefix))) {
    const [pid] = name.slice(folderPrefix.length).split('-');
    if (!existsSync(`/proc/${pid}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** Every other node of the lab. */
export function peersOf(node: PodNode, all: readonly PodNode[]): readonly PodNode[] {
  return all.filter(({ number }) => number !== node.number);
}
