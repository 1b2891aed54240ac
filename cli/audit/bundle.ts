/**
 * A bundle on disk: which nodes were recorded, and where the API objects lie that they are held against.
 *
 *   bundle/api/services.json        one folder of API lists (or given apart, --api)
 *   bundle/node-a/iptables-nft-save.txt    one folder for each node
 *   bundle/node-b/node.json         recorded through an aggregator: what it told, in place of what commands printed
 *   over/node-a/net/ip-addr.json    what a node's folder lacks is taken from here (--over)
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { done, type Outcome, refused } from '../refusal.ts';
import { type OpenedFolder, openFolder } from './opened-folder.ts';

export interface RecordedNode {
  readonly name: string;
  readonly folder: string;
  /** Files missing in `folder` are taken from here. */
  readonly under: string | null;
}

export interface Bundle {
  readonly folder: string;
  readonly nodes: readonly RecordedNode[];
  readonly apiFolder: string;
  /** Removes what was unpacked for it. */
  close(): void;
}

export interface BundlePlaces {
  readonly bundle: string;
  /** null: beside the nodes, in `api/`. */
  readonly api: string | null;
  readonly over: string | null;
}

/** Opens what `audit` was given; each place may be a folder or a .tar.gz. Refuses when nodes or API objects lack. */
export async function openBundle(places: BundlePlaces): Promise<Outcome<Bundle>> {
  const opened: OpenedFolder[] = [];
  const close = () => {
    for (const folder of opened) folder.close();
  };
  const attempted = `audit ${places.bundle}`;
  const open = async (place: string | null) => {
    if (place === null) return done(null);
    const folder = await openFolder(place, attempted);
    if (folder.ok) opened.push(folder.value);
    return folder;
  };
  const bundle = await openFolder(places.bundle, attempted);
  if (!bundle.ok) return bundle;
  opened.push(bundle.value);
  const over = await open(places.over);
  const api = over.ok ? await open(places.api) : over;
  const found = !over.ok ? over : !api.ok ? api : findParts(places, bundle.value, over.value, api.value);
  if (found.ok) return done({ ...found.value, close });
  close();
  return found;
}

function findParts(
  places: BundlePlaces,
  bundle: OpenedFolder,
  over: OpenedFolder | null,
  api: OpenedFolder | null,
): Outcome<Omit<Bundle, 'close'>> {
  const attempted = `audit ${places.bundle}`;
  const { folder } = bundle;
  const nodes = layered(nodeFolders(bundle), over === null ? [] : nodeFolders(over));
  if (nodes.length === 0) {
    const inside = folderNames(folder);
    return refused(
      attempted,
      inside.length === 0 ? 'it holds no folder of a node' : `none of its folders is a node's: ${inside.join(', ')}`,
      "A node's folder holds what its commands printed, such as iptables-nft-save.txt; `plumbline audit --help` shows the layout.",
    );
  }
  const sources = api === null ? [bundle, over] : [api];
  const apiFolder = sources.flatMap((place) => (place === null ? [] : apiFolderIn(place.folder)))[0];
  if (apiFolder !== undefined) return done({ folder, nodes, apiFolder });
  if (api !== null) {
    return refused(attempted, `${places.api} holds no services.json`, 'Give the folder of API lists with --api DIR.');
  }
  return refused(
    attempted,
    'it holds no folder api/ with services.json, so nothing says what its nodes should do',
    'Give the folder of API lists of the same moment with --api DIR.',
  );
}

/** `--api` may name the folder of lists itself, or the recording that it lies in. */
function apiFolderIn(folder: string): readonly string[] {
  return [join(folder, 'api'), folder].filter(
    (place) => existsSync(place) && readdirSync(place).some((file) => file.startsWith('services.json')),
  );
}

/** What stands above covers what lies below; a node of either is a node. */
function layered(above: readonly NodeFolder[], below: readonly NodeFolder[]): readonly RecordedNode[] {
  const lower = new Map(below.map((node) => [node.name, node.folder]));
  const [onlyAbove] = above;
  const [onlyBelow] = below;
  if (onlyAbove?.isWhole && onlyBelow?.isWhole) {
    return [{ name: onlyAbove.name, folder: onlyAbove.folder, under: onlyBelow.folder }];
  }
  const upper = new Set(above.map((node) => node.name));
  return [
    ...above.map(({ name, folder }) => ({ name, folder, under: lower.get(name) ?? null })),
    ...below.filter(({ name }) => !upper.has(name)).map(({ name, folder }) => ({ name, folder, under: null })),
  ].sort((one, other) => (one.name < other.name ? -1 : 1));
}

interface NodeFolder {
  readonly name: string;
  readonly folder: string;
  /** The given folder is itself the node's. */
  readonly isWhole: boolean;
}

function nodeFolders({ folder, name }: OpenedFolder): readonly NodeFolder[] {
  if (isNodeFolder(folder)) return [{ name, folder, isWhole: true }];
  return folderNames(folder)
    .map((inside) => ({ name: inside, folder: join(folder, inside), isWhole: false }))
    .filter((node) => isNodeFolder(node.folder));
}

function folderNames(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** What an aggregator told of a node, in place of what commands printed. */
export const nodeDocument = 'node.json';

/** Whether a node was recorded through an aggregator. */
export function isTold({ folder }: RecordedNode): boolean {
  return existsSync(join(folder, nodeDocument));
}

const printedByCommands = ['iptables-', 'ip6tables-', 'nft-', 'ipvsadm-', 'kube-proxy', 'cilium-'];

function isNodeFolder(folder: string): boolean {
  return readdirSync(folder).some(
    (name) => name === nodeDocument || printedByCommands.some((start) => name.startsWith(start)),
  );
}
