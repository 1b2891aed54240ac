/**
 * What a plugin of a CNI configuration is told, as far as anybody here asks
 * (https://www.cni.dev/plugins/current/main/bridge/, .../ipam/host-local/, flannel's and Multus' own pages):
 *
 *     {"type":"bridge","bridge":"cni0","mtu":1450,"hairpinMode":true,
 *      "ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.1.0/24"}]],"dataDir":"/var/lib/cni/networks"}}
 *     {"type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}}
 *     {"type":"multus","delegates":[{"type":"flannel"}],"clusterNetwork":"..."}
 */
import type { Prefix } from '../../../proto/address.ts';
import type { CniPluginSettings } from '../../../proto/parts.ts';
import { parsePrefix } from '../../../proto/prefixes.ts';
import { fieldOf } from '../ip-list.ts';
import { cut } from './reading.ts';

const mostRanges = 64;
const mostDelegates = 20;
const longestPath = 1024;

/** @param plugin one object of the list, of whatever form. */
export function readPlugin(plugin: unknown): CniPluginSettings {
  const ipam = fieldOf(plugin, 'ipam');
  // flannel hands settings on to the plugin that it calls.
  const delegate = fieldOf(plugin, 'delegate');
  const either = (name: string) => fieldOf(plugin, name) ?? fieldOf(delegate, name);
  return {
    type: textOf(fieldOf(plugin, 'type')) ?? '',
    ipam: textOf(fieldOf(ipam, 'type')),
    delegates: delegatesOf(plugin),
    ranges: rangesOf(ipam),
    bridge: textOf(either('bridge'), 15),
    mtu: numberOf(either('mtu')),
    hairpin: flagOf(either('hairpinMode')),
    stateFolder: textOf(fieldOf(ipam, 'dataDir'), longestPath),
  };
}

function delegatesOf(plugin: unknown): readonly string[] {
  const several = fieldOf(plugin, 'delegates');
  const all = [fieldOf(plugin, 'delegate'), ...(Array.isArray(several) ? several.slice(0, mostDelegates) : [])];
  // A delegate may be a list of plugins itself.
  const plugins = all.flatMap((one) => {
    const listed = fieldOf(one, 'plugins');
    return Array.isArray(listed) ? listed.slice(0, mostDelegates) : [one];
  });
  return plugins.flatMap((one) => textOf(fieldOf(one, 'type')) ?? []).slice(0, mostRanges);
}

/** `ranges` is a list of sets of ranges; older configurations have one `subnet`. */
function rangesOf(ipam: unknown): readonly Prefix[] {
  const sets = fieldOf(ipam, 'ranges');
  const ranges = Array.isArray(sets) ? sets.slice(0, mostRanges).flat() : [];
  const texts = [fieldOf(ipam, 'subnet'), ...ranges.map((range) => fieldOf(range, 'subnet'))];
  return texts.flatMap((text) => (typeof text === 'string' ? (parsePrefix(text) ?? []) : [])).slice(0, mostRanges);
}

function textOf(value: unknown, most?: number): string | null {
  return typeof value === 'string' && value !== '' ? cut(value, most) : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

function flagOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}
