/**
 * What the aggregator does for one node, alone in a process: `node compute-desired.ts RECORDING NODE` prints one line of
 * JSON (DesiredCost). Reading the API's objects is not counted: a running aggregator has them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { drift } from '../../aggregator/audit/drift.ts';
import { readClusterState } from '../../aggregator/cluster/state.ts';
import { tableDigest } from '../../proto/canonical.ts';
import type { NodeProfile, Sourced } from '../../proto/profile.ts';
import { recordingFolder } from '../recordings.ts';

export interface DesiredCost {
  /** The table and its difference from an equal one that was made apart. */
  readonly cpuMs: number;
  readonly frontends: number;
  readonly drifts: number;
  readonly digest: string;
}

function api(recording: string, kind: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(join(recordingFolder(recording), 'api', `${kind}.json.gz`))).toString());
}

function fromRules<T>(value: T): Sourced<T> {
  return { value, source: 'rules' };
}

if (import.meta.main) {
  const [recording = '', node = ''] = process.argv.slice(2);
  const read = readClusterState({
    services: api(recording, 'services'),
    endpointSlices: api(recording, 'endpointslices'),
    nodes: api(recording, 'nodes'),
  });
  if (!read.ok) throw new Error(`${recording}: ${read.problems[0]}`);
  const state = read.value;
  const known = state.nodes.find(({ name }) => name === node);
  if (known === undefined) throw new Error(`${recording}: no node ${node}`);
  const pods = known.podCIDRs.find((prefix) => !prefix.includes(':'));
  const profile: NodeProfile = {
    mode: fromRules('iptables'),
    kubeProxyVersion: fromRules('v1.36.2'),
    nodeName: fromRules(node),
    families: ['ipv4', 'ipv6'],
    localAddresses: fromRules(known.addresses),
    nodePortAddresses: fromRules('all'),
    localDetector: {
      ipv4: fromRules(pods === undefined ? { kind: 'none' } : { kind: 'prefix', prefix: pods }),
      ipv6: fromRules({ kind: 'none' }),
    },
    masqueradeAll: fromRules(false),
    localhostNodePorts: fromRules(true),
    hairpin: fromRules('every-endpoint'),
    refusesOwnFirst: fromRules(false),
    markBit: fromRules(14),
  };
  const subject = { name: node, zone: known.zone, profile };
  const other = desiredState(structuredClone(state), subject);
  const start = process.cpuUsage();
  const { table } = desiredState(state, subject);
  const drifts = drift(table, other.table);
  const { user, system } = process.cpuUsage(start);
  const cost: DesiredCost = {
    cpuMs: (user + system) / 1000,
    frontends: table.size,
    drifts: drifts.length,
    digest: tableDigest(table),
  };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
