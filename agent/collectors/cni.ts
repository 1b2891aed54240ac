/**
 * What the CNI files of the node say: the runtime's configurations in /etc/cni/net.d, and the addresses that the
 * host-local plugin has given away, one file each in /var/lib/cni/networks/<network>/
 * (https://www.cni.dev/docs/spec/, https://www.cni.dev/plugins/current/ipam/host-local/).
 *
 *     10-labnet.conflist       {"name":"labnet","plugins":[{"type":"bridge"},{"type":"portmap"}]}
 *     networks/labnet/10.244.1.10    d729e664ee791b3a...\r\neth0
 *
 * Configurations may hold tokens and the paths of credentials. Of their content only names and types of plugins are
 * told, and never a parser's word, which quotes what it could not read.
 */
import { parseAddress } from '../../proto/address.ts';
import type { CniConfiguration, CniReport, Part } from '../../proto/parts.ts';
import type { Host, ListResult } from '../host.ts';
import { fieldOf } from './ip-list.ts';

const configurationFolder = '/etc/cni/net.d';
const reservationFolder = '/var/lib/cni/networks';
/** What a container runtime loads; it passes over other names. */
const extensions = ['.conf', '.conflist', '.json'];

const mostConfigurations = 200;
const mostPlugins = 50;
const mostNetworks = 1000;
/** As many addresses as a network of /16 has, and some files beside. */
const mostNames = 70_000;
const mostReservations = 2000;
const configurationBytes = 1024 * 1024;
const reservationBytes = 4096;
const mostLetters = 256;
/** The kernel's names of links have 15. */
const mostLinkLetters = 64;

type Reservation = CniReport['reservations']['first'][number];
type Listed = readonly { readonly name: string; readonly kind: string }[];

/** What could be read, or why the part as a whole has failed. */
type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Reads both; `absent` where the node has neither folder, or this host shows no folders. */
export async function collectCni(host: Host, now: () => Date): Promise<Part<CniReport>> {
  const list = host.list?.bind(host);
  if (list === undefined) return { state: 'absent' };
  const listed = await list(configurationFolder, mostNames);
  const networks = await list(reservationFolder, mostNames);
  if (isAbsent(listed) && isAbsent(networks)) return { state: 'absent' };
  const configurations = await readConfigurations(host, entriesOf(listed));
  if (!configurations.ok) return { state: 'failed', reason: configurations.reason };
  const reservations = await readReservations(host, list, entriesOf(networks));
  if (!reservations.ok) return { state: 'failed', reason: reservations.reason };
  const value = { configurations: configurations.value, reservations: reservations.value };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

function isAbsent(listed: ListResult): boolean {
  return !listed.ok && listed.kind === 'absent';
}

/** The entries of a folder; none where there is no such folder. */
function entriesOf(listed: ListResult): Found<Listed> {
  if (listed.ok) return { ok: true, value: listed.entries };
  return listed.kind === 'absent' ? { ok: true, value: [] } : { ok: false, reason: listed.message };
}

async function readConfigurations(host: Host, entries: Found<Listed>): Promise<Found<readonly CniConfiguration[]>> {
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
  return { file, network: null, plugins: [], problem };
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
  if (!Array.isArray(plugins)) return { ...told, plugins: [], problem: 'it holds no list of plugins' };
  if (plugins.length > mostPlugins)
    return { ...told, plugins: [], problem: `it holds more than ${mostPlugins} plugins` };
  const types = plugins.map((plugin) => fieldOf(plugin, 'type'));
  const named = types.filter((type) => typeof type === 'string' && type !== '').map((type) => cut(String(type)));
  if (named.length === types.length && named.length > 0) return { ...told, plugins: named, problem: null };
  const isMisnamed = !isList && Array.isArray(fieldOf(content, 'plugins'));
  const problem = isMisnamed
    ? 'it holds a list of plugins, which runtimes read from names in .conflist only'
    : named.length === types.length
      ? 'it holds no plugin'
      : 'it has a plugin without a type';
  return { ...told, plugins: named, problem };
}

async function readReservations(
  host: Host,
  list: NonNullable<Host['list']>,
  networks: Found<Listed>,
): Promise<Found<CniReport['reservations']>> {
  if (!networks.ok) return networks;
  const link = networks.value.find(({ kind }) => kind === 'link');
  if (link !== undefined) {
    return { ok: false, reason: `${reservationFolder}/${link.name} is a symbolic link, which is not followed` };
  }
  const folders = networks.value.filter(({ kind }) => kind === 'folder');
  if (folders.length > mostNetworks) {
    return { ok: false, reason: `${reservationFolder} holds more than ${mostNetworks} networks` };
  }
  const first: Reservation[] = [];
  let total = 0;
  for (const { name: network } of folders) {
    const files = entriesOf(await list(`${reservationFolder}/${network}`, mostNames));
    if (!files.ok) return files;
    // Beside the reservations lie a lock and last_reserved_ip.0.
    const addresses = files.value.map(({ name }) => ({ name, address: parseAddress(name) }));
    for (const { name, address } of addresses) {
      if (address === null) continue;
      const isShown = first.length < mostReservations;
      const read = isShown ? await readReservation(host, `${reservationFolder}/${network}/${name}`) : null;
      if (read?.state === 'failed') return { ok: false, reason: read.reason };
      if (read?.state === 'absent') continue;
      total++;
      if (read !== null) first.push({ network: cut(network), address, container: read.container, link: read.link });
    }
  }
  return { ok: true, value: { total, first } };
}

/** Absent: it was given back meanwhile. A file that tells no container has an empty one. */
async function readReservation(host: Host, path: string) {
  const read = await host.read(path, reservationBytes);
  if (!read.ok && read.kind === 'absent') return { state: 'absent' } as const;
  if (!read.ok && read.kind !== 'too-long') return { state: 'failed', reason: read.message } as const;
  const [container = '', link = ''] = read.ok ? read.bytes.toString('utf8').split(/\r?\n/) : [];
  return { state: 'ok', container: cut(container.trim()), link: cut(link.trim(), mostLinkLetters) } as const;
}

function cut(text: string, most = mostLetters): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}
