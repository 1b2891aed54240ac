/** The files of a recorded node that say how its network is built: `net/`, `etc-cni-net.d/` and `var-lib-cni.json`. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BirdAnswer } from './host-bird.ts';
import { recordedPodsPath } from './collectors/pod-networks/recorded-pods.ts';
import { type RecordedTexts, recordedTexts } from './recorded-objects.ts';
import { byName, type EntryKind, type ListResult } from './host-files.ts';
import { recordedFlows, recordedSetting } from './recorded-kernel.ts';
import {
  boundAddresses,
  configurationCopies,
  configurationFolder,
  fileOfBird,
  fileOfCommand,
  flowFamily,
  flowsFile,
  isOfProcesses,
  isOfResolvers,
  networkSettingsFolder,
  networkSettingsNames,
  pluginsFile,
  podsFile,
  processesFile,
  processFolder,
  resolverFile,
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
  const entries = entriesOf(find, path);
  if (entries === null) return { ok: false, kind: 'absent', message: `${path} was not recorded` };
  return { ok: true, entries: byName(entries) };
}

function entriesOf(find: Find, path: string): Entries | null {
  switch (path) {
    case configurationFolder:
      return configurations(find);
    case networkSettingsFolder:
      return namesIn(wholeFile(find, networkSettingsNames));
    case '/proc':
      return processes(find);
    default:
      return states(find, path);
  }
}

function namesIn(lines: Buffer | null): Entries | null {
  const names = lines?.toString('utf8').split('\n');
  return names?.flatMap((name) => (name === '' ? [] : [{ name, kind: 'folder' as const }])) ?? null;
}

/** The plugins of a folder, where they were recorded. */
export function recordedExecutables(find: Find, path: string): ListResult {
  const file = find(pluginsFile);
  const content = file === null ? null : parse(readFileSync(file));
  const names: unknown = typeof content === 'object' && content !== null ? Reflect.get(content, path) : undefined;
  if (!Array.isArray(names)) return { ok: false, kind: 'absent', message: `${path} was not recorded` };
  const entries = names.flatMap((name) => (typeof name === 'string' ? [{ name, kind: 'file' as const }] : []));
  return { ok: true, entries: byName(entries) };
}

/** What BIRD answered, where that was recorded. */
export function recordedBird(find: Find, path: string): BirdAnswer {
  const file = find(fileOfBird(path));
  if (file === null) return { ok: false, kind: 'absent', message: `BIRD at ${path} was not recorded` };
  return { ok: true, text: readFileSync(file, 'utf8') };
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

function recordedStates(find: Find): RecordedTexts {
  return recordedTexts(find(stateFile));
}

function setting(find: Find, path: string): Buffer | null {
  const file = find(settingsFile);
  const value = file === null ? null : recordedSetting(readFileSync(file, 'utf8'), path);
  return value === null ? null : Buffer.from(value);
}

/** A file of CNI or of resolvers, or a setting of the kernel, as it was recorded; null when it was not, and of any other path. A link of a bundle is not followed. */
export function recordedFile(find: Find, path: string): Buffer | null {
  if (path === recordedPodsPath) return wholeFile(find, podsFile);
  if (isOfProcesses(path)) return processFile(find, path);
  if (path.startsWith(settingsFolder)) return setting(find, path);
  if (isOfResolvers(path)) return textOf(recordedTexts(find(resolverFile)), path);
  if (path.startsWith(`${stateFolder}/`)) {
    return textOf(recordedStates(find), path.slice(stateFolder.length + 1));
  }
  if (!path.startsWith(`${configurationFolder}/`)) return null;
  const name = path.slice(configurationFolder.length + 1);
  const found = name.includes('/') ? null : find(join(configurationCopies, name));
  return found === null || !lstatSync(found).isFile() ? null : readFileSync(found);
}

function wholeFile(find: Find, name: string): Buffer | null {
  const file = find(name);
  return file === null ? null : readFileSync(file);
}

/** One object holds what was read of pods' processes, by their paths. */
function processFile(find: Find, path: string): Buffer | null {
  return textOf(recordedTexts(find(processesFile)), path.slice(processFolder.length));
}

function textOf(texts: RecordedTexts, name: string): Buffer | null {
  const text = texts.get(name);
  return text === undefined ? null : Buffer.from(text);
}

function processes(find: Find): Entries | null {
  if (find(processesFile) === null) return null;
  const pids = new Set([...recordedTexts(find(processesFile)).keys()].map((path) => path.split('/', 1)[0] ?? ''));
  return [...pids].map((name) => ({ name, kind: 'folder' }));
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
