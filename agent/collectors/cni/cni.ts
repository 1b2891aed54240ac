/**
 * What the CNI files of the node say: the runtime's configurations, the addresses that are given away, libcni's record of
 * what was made, and the plugins that can be run.
 */
import type { CniReport, Part } from '../../../proto/parts.ts';
import type { Host, ListResult } from '../../host.ts';
import { configurationFolder, readConfigurations } from './configurations.ts';
import { readPluginFolders } from './plugin-folders.ts';
import { entriesOf } from './reading.ts';
import { mostNames, readReservations, reservationFolder } from './reservations.ts';
import { readResults, resultFolder } from './results.ts';

/** Reads all of them; `absent` where the node has neither configurations nor state, or this host shows no folders. */
export async function collectCni(host: Host, now: () => Date): Promise<Part<CniReport>> {
  const list = host.list?.bind(host);
  if (list === undefined) return { state: 'absent' };
  const listed = await list(configurationFolder, mostNames);
  const networks = await list(reservationFolder, mostNames);
  const results = await list(resultFolder, mostNames);
  if ([listed, networks, results].every(isAbsent)) return { state: 'absent' };
  const configurations = await readConfigurations(host, entriesOf(listed));
  if (!configurations.ok) return { state: 'failed', reason: configurations.reason };
  const reservations = await readReservations(host, list, entriesOf(networks));
  if (!reservations.ok) return { state: 'failed', reason: reservations.reason };
  const made = await readResults(host, entriesOf(results));
  if (!made.ok) return { state: 'failed', reason: made.reason };
  const plugins = await readPluginFolders(host);
  if (!plugins.ok) return { state: 'failed', reason: plugins.reason };
  const value = {
    configurations: configurations.value,
    reservations: reservations.value,
    results: made.value,
    pluginFolders: plugins.value,
  };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

function isAbsent(listed: ListResult): boolean {
  return !listed.ok && listed.kind === 'absent';
}
