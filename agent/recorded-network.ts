/** The files of a recorded node that say how its network is built: `net/`, `etc-cni-net.d/` and `var-lib-cni.json`. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { byName, type EntryKind, type ListResult } from './host-files.ts';
import { recordedFlows, recordedSetting } from './recorded-kernel.ts';
import {
  boundAddresses,
  configurationCopies,
  configurationFolder,
  fileOfCommand,
  flowFamily,
  flowsFile,
  settingsFile,
  settingsFolder,
  stateFile,
  stateFolder,
} from './recorded-names.ts';

/** Finds a file or folder of the recording; null when it has none of that name. */
export type Find = (name: string) => string | null;

/** What a command printed; null when it was not recorded. */
export function recordedOutput(find: Find, line: string): Buffer | null {
  const family = flowFamily(line);
  if (family !== null) return flows(find, family);
  const name = fileOfCommand(line);
  // What all links have includes what one has: whoever reads it picks out the one.
  const path = (name === null ? null : find(name)) ?? (line === boundAddresses ? find('net/ip-addr.json') : null);
  if (path === null) return null;
  const output = readFileSync(path);
  return line.includes(' -4 ') ? withoutIpv6(output) : output;
}

function flows(find: Find, family: 'ipv4' | 'ipv6'): Buffer | null {
  const extended = find(flowsFile);
  const path = extended ?? find('conntrack.txt');
  return path === null ? null : Buffer.from(recordedFlows(readFileSync(path, 'utf8'), family, extended !== null));
}

/** Without a family ip lists the routes of both, and was recorded so. Only those of IPv6 have a preference. */
function withoutIpv6(output: Buffer): Buffer {
  const routes = parse(output);
  if (!Array.isArray(routes)) return output;
  const isIpv4 = (route: unknown) => typeof route !== 'object' || route === null || !Object.hasOwn(route, 'pref');
  return Buffer.from(JSON.stringify(routes.filter(isIpv4)));
}

/** Lists a folder of CNI as it was recorded; any other is absent. */
export function recordedFolder(find: Find, path: string): ListResult {
  const entries = path === configurationFolder ? configurations(find) : states(find, path);
  if (entries === null) return { ok: false, kind: 'absent', message: `${path} was not recorded` };
  return { ok: true, entries: byName(entries) };
}

type Entries = readonly { readonly name: string; readonly kind: EntryKind }[];

function configurations(find: Find): Entries | null {
  const folder = find(configurationCopies);
  if (folder === null) return null;
  return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
    name: entry.name,
    kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other',
  }));
}

/** One file holds all of them, by their paths. */
function states(find: Find, path: string): Entries | null {
  if (!path.startsWith(`${stateFolder}/`)) return null;
  const prefix = `${path.slice(stateFolder.length + 1)}/`;
  const kinds = new Map<string, EntryKind>();
  for (const name of recordedStates(find).keys()) {
    if (!name.startsWith(prefix)) continue;
    const [first = '', ...deeper] = name.slice(prefix.length).split('/');
    kinds.set(first, deeper.length > 0 ? 'folder' : 'file');
  }
  return kinds.size === 0 ? null : [...kinds].map(([name, kind]) => ({ name, kind }));
}

function recordedStates(find: Find): ReadonlyMap<string, string> {
  const path = find(stateFile);
  const content = path === null ? null : parse(readFileSync(path));
  if (typeof content !== 'object' || content === null) return new Map();
  return new Map(Object.entries(content).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function setting(find: Find, path: string): Buffer | null {
  const file = find(settingsFile);
  const value = file === null ? null : recordedSetting(readFileSync(file, 'utf8'), path);
  return value === null ? null : Buffer.from(value);
}

/** A file of CNI, or a setting of the kernel, as it was recorded; null when it was not, and of any other path. A link of a bundle is not followed. */
export function recordedFile(find: Find, path: string): Buffer | null {
  if (path.startsWith(settingsFolder)) return setting(find, path);
  if (path.startsWith(`${stateFolder}/`)) {
    const content = recordedStates(find).get(path.slice(stateFolder.length + 1));
    return content === undefined ? null : Buffer.from(content);
  }
  if (!path.startsWith(`${configurationFolder}/`)) return null;
  const name = path.slice(configurationFolder.length + 1);
  const found = name.includes('/') ? null : find(join(configurationCopies, name));
  return found === null || !lstatSync(found).isFile() ? null : readFileSync(found);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
