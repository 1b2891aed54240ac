/**
 * One node of a lab as the agent's Host: programs run in the node's namespace, files are the lab's own folders. /proc is
 * the machine's; what of it shows a network shows that of the namespace. Nothing else of the machine is seen.
 */
import { type Host, type ListResult, localHost } from '../../agent/host.ts';
import { askBird } from '../../agent/host-bird.ts';
import { listExecutables, listFolder, readFile } from '../../agent/host-files.ts';

export interface LabPlaces {
  readonly namespace: string;
  /** From places of a node to what lies there: `/etc/cni/net.d` to a folder of the lab. */
  readonly places: Readonly<Record<string, string>>;
  /** Processes of the pods of other nodes, which the machine shows to all: their numbers. */
  readonly strangers?: ReadonlySet<string>;
}

/** A host that shows this node of a lab, and of the machine no more than its programs and /proc. */
export function labHost({ namespace, places, strangers }: LabPlaces): Host {
  const inNamespace = localHost({ netns: namespace });
  return {
    ...inNamespace,
    read: async (path, maxBytes) => {
      if (path.startsWith('/proc/')) return inNamespace.read(path, maxBytes);
      const place = placed(places, path);
      return place === null ? nothingAt(path) : readFile(place, maxBytes);
    },
    list: async (path, maxNames) => {
      if (path === '/proc' || path.startsWith('/proc/')) return without(strangers, await listFolder(path, maxNames));
      const place = placed(places, path);
      return place === null ? nothingAt(path) : listFolder(place, maxNames);
    },
    askBird: async (path) => {
      const place = placed(places, path);
      return place === null ? nothingAt(path) : askBird(place);
    },
    executables: async (path, maxNames) => {
      const place = placed(places, path);
      return place === null ? nothingAt(path) : listExecutables(place, maxNames);
    },
  };
}

function without(names: ReadonlySet<string> | undefined, listed: ListResult): ListResult {
  return listed.ok ? { ...listed, entries: listed.entries.filter(({ name }) => names?.has(name) !== true) } : listed;
}

/** Where a path of the node lies; null: nowhere. */
function placed(places: LabPlaces['places'], path: string): string | null {
  const root = Object.keys(places).find((place) => path === place || path.startsWith(`${place}/`));
  return root === undefined ? null : places[root] + path.slice(root.length);
}

function nothingAt(path: string) {
  return { ok: false, kind: 'absent', message: `${path} does not exist` } as const;
}
