/** The API objects that nodes are held against, out of a folder of lists: `services.json`, plain or gzip. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { done, type Outcome, refused, systemReason } from '../refusal.ts';

const advice =
  'Each is what `kubectl get services -A -o json` (endpointslices, nodes) prints: services.json, endpointslices.json, nodes.json.';
/** As many problems of objects are shown. */
const shownProblems = 3;

/**
 * Reads the three lists that the audit needs, and the others where they are.
 * @param attempted for the refusal: `audit ./bundle`.
 */
export function readApiFolder(folder: string, attempted: string): Outcome<ClusterSnapshot> {
  const services = readList(folder, 'services', attempted);
  if (!services.ok) return services;
  const endpointSlices = readList(folder, 'endpointslices', attempted);
  if (!endpointSlices.ok) return endpointSlices;
  const nodes = readList(folder, 'nodes', attempted);
  if (!nodes.ok) return nodes;
  const pods = readListIfThere(folder, 'pods', attempted);
  if (!pods.ok) return pods;
  const namespaces = readListIfThere(folder, 'namespaces', attempted);
  if (!namespaces.ok) return namespaces;
  const events = readListIfThere(folder, 'events', attempted);
  if (!events.ok) return events;
  const networkPolicies = readListIfThere(folder, 'networkpolicies', attempted);
  if (!networkPolicies.ok) return networkPolicies;
  const foreignPolicies = readListIfThere(folder, 'foreignpolicies', attempted);
  if (!foreignPolicies.ok) return foreignPolicies;
  const configMaps = readListIfThere(folder, 'configmaps', attempted);
  if (!configMaps.ok) return configMaps;
  const reading = readClusterState({
    services: services.value,
    endpointSlices: endpointSlices.value,
    nodes: nodes.value,
    pods: pods.value,
    namespaces: namespaces.value,
    events: events.value,
    networkPolicies: networkPolicies.value,
    foreignPolicies: foreignPolicies.value,
    configMaps: configMaps.value,
  });
  if (reading.ok) return done(reading.value);
  const more = reading.problems.length - shownProblems;
  const shown = reading.problems.slice(0, shownProblems).join('; ');
  return refused(attempted, `${folder}: ${shown}${more > 0 ? `; and ${more} more problems` : ''}`, advice);
}

/** Undefined where there is none. */
function readListIfThere(folder: string, kind: string, attempted: string): Outcome<unknown> {
  const plain = join(folder, `${kind}.json`);
  return existsSync(plain) || existsSync(`${plain}.gz`) ? readList(folder, kind, attempted) : done(undefined);
}

function readList(folder: string, kind: string, attempted: string): Outcome<unknown> {
  const plain = join(folder, `${kind}.json`);
  const packed = `${plain}.gz`;
  const file = existsSync(plain) ? plain : packed;
  try {
    const bytes = readFileSync(file);
    return done(JSON.parse((file === packed ? gunzipSync(bytes) : bytes).toString('utf8')));
  } catch (cause) {
    const what = cause instanceof SyntaxError ? `is no JSON: ${cause.message}` : systemReason(cause);
    return refused(attempted, `${existsSync(file) ? file : plain}: ${what}`, advice);
  }
}
