/**
 * The CNI configurations of a runtime (https://www.cni.dev/docs/spec/): files of /etc/cni/net.d in the order of their
 * names, of which it takes the first that it can read.
 *
 *     10-labnet.conflist       {"name":"labnet","plugins":[{"type":"bridge"},{"type":"portmap"}]}
 *
 * They may hold tokens and the paths of credentials. Of their content only what plugin-settings.ts names is told, and
 * never a parser's word, which quotes what it could not read.
 */
import type { CniConfiguration } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { fieldOf } from '../ip-list.ts';
import { readPlugin } from './plugin-settings.ts';
import { cut, type Found, type Listed } from './reading.ts';

export const configurationFolder = '/etc/cni/net.d';
/** What a container runtime loads; it passes over other names. */
const extensions = ['.conf', '.conflist', '.json'];
const mostConfigurations = 200;
const mostPlugins = 50;
const configurationBytes = 1024 * 1024;

/** Reads all configurations of the folder, in the order of their names. */
export async function readConfigurations(
  host: Host,
  entries: Found<Listed>,
): Promise<Found<readonly CniConfiguration[]>> {
  if (!entries.ok) return entries;
  const files = entries.value.filter(
    ({ name, kind }) => kind !== 'folder' && extensions.some((extension) => name.endsWith(extension)),
  );
  if (files.length > mostConfigurations) {
    return { ok: false, reason: `${configurationFolder} holds more than ${mostConfigurations} configurations` };
  }
  const configurations: CniConfiguration[] = [];
  for (const { name } of files) {
    const read = await host.read(`${configurationFolder}/${name}`, configurationBytes);
    if (!read.ok && read.kind === 'absent') continue;
    configurations.push(read.ok ? readConfiguration(name, read.bytes.toString('utf8')) : broken(name, read.message));
  }
  return { ok: true, value: configurations };
}

function broken(file: string, problem: string): CniConfiguration {
  return { file, network: null, plugins: [], settings: [], problem };
}

/** Lists end in .conflist; the others hold one plugin. A runtime passes over what is not of this form. */
export function readConfiguration(file: string, text: string): CniConfiguration {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return broken(file, 'it is no JSON');
  }
  const network = fieldOf(content, 'name');
  const isList = file.endsWith('.conflist');
  const plugins = isList ? fieldOf(content, 'plugins') : [content];
  if (typeof network !== 'string' || network === '') return broken(file, 'it names no network');
  const told = { file, network: cut(network) };
  if (!Array.isArray(plugins)) return { ...told, plugins: [], settings: [], problem: 'it holds no list of plugins' };
  if (plugins.length > mostPlugins)
    return { ...told, plugins: [], settings: [], problem: `it holds more than ${mostPlugins} plugins` };
  const types = plugins.map((plugin) => fieldOf(plugin, 'type'));
  const named = types.filter((type) => typeof type === 'string' && type !== '').map((type) => cut(String(type)));
  const settings = named.length === types.length ? plugins.map(readPlugin) : [];
  if (settings.length > 0) return { ...told, plugins: named, settings, problem: null };
  const isMisnamed = !isList && Array.isArray(fieldOf(content, 'plugins'));
  const problem = isMisnamed
    ? 'it holds a list of plugins, which runtimes read from names in .conflist only'
    : named.length === types.length
      ? 'it holds no plugin'
      : 'it has a plugin without a type';
  return { ...told, plugins: named, settings, problem };
}
