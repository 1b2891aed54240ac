/**
 * `npm run bench [-- --write] [-- --nftables | --largest | --policies]`: the costs that this project promises, measured on
 * the recorded clusters, as medians. With --write the tables replace those in README.md; with --nftables only the rows of
 * nftables mode are measured, with --largest only those of the largest cluster, with --policies only those of
 * NetworkPolicies. Exit 1 when a promise is broken, 2 when it cannot be measured.
 *
 * The baseline of reading is what any reader must pay: iptables-legacy-save printing the same rules. They are loaded
 * into a namespace of their own for that, which needs root.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from '../kernel/namespaces.ts';
import { recordingFolder } from '../recordings.ts';
import { aggregatorRows, largestRows } from './aggregator-rows.ts';
import type { DesiredCost } from './compute-desired.ts';
import { machine } from './machine.ts';
import { cpuSecondsOf, measure } from './measured-program.ts';
import { nftablesRows } from './nftables-rows.ts';
import { matrixRows } from './matrix-rows.ts';
import { policyRows } from './policy-rows.ts';
import type { ReadCosts } from './read-rules.ts';
import type { Measure } from './report.ts';
import { median, reportTable, writeReport } from './report.ts';

const runs = 5;
/** The addresses of the recorded node-b: api/nodes.json of the scale recordings, and the loopback ones. */
const nodeAddresses = ['127.0.0.1', '::1', '192.168.100.12', 'fd00:100::12'];

/** The whole dump of a scale recording's node-b as iptables-legacy-save prints it without -c. */
function writeDump(recording: string, folder: string): string {
  const node = join(recordingFolder(recording), 'node-b');
  const path = join(folder, `${recording}.txt`);
  const text = ['filter', 'nat']
    .map((table) => gunzipSync(readFileSync(join(node, `iptables-legacy-save-c-${table}.txt.gz`))).toString('latin1'))
    .join('');
  writeFileSync(path, text.replaceAll(/^\[\d+:\d+\] /gm, ''), 'latin1');
  return path;
}

/** CPU seconds, user and system, of iptables-legacy-save on the rules of a dump. */
function saveBaseline(dump: string): readonly number[] {
  const namespace = makeNamespace('bench');
  try {
    for (const counter of ['localhost_nps_accepted_pkts', 'ct_state_invalid_dropped_pkts']) {
      mustRunIn(namespace, 'nfacct', ['add', counter]);
    }
    mustRunIn(namespace, 'iptables-legacy-restore', [dump]);
    return cpuSecondsOf(namespace, 'iptables-legacy-save', runs);
  } finally {
    removeNamespace(namespace);
  }
}

/** Readings from this one on are those of an agent that has been running: its code is compiled. */
const warmFrom = 3;

function measureAll(folder: string): readonly Measure[] {
  const large = writeDump('scale-5000x20', folder);
  const small = writeDump('scale-1000x10', folder);
  const save = median(saveBaseline(large));
  const readRules = { folder, runs, program: 'read-rules.ts' };
  const read = measure<ReadCosts>({ ...readRules, args: [large, ...nodeAddresses] });
  const readLittle = measure<ReadCosts>({ ...readRules, args: [small, ...nodeAddresses] });
  const desired = measure<DesiredCost>({
    ...{ folder, runs, program: 'compute-desired.ts', args: ['scale-5000x20', 'node-b'] },
  });
  // Costs of a wrong answer would be worth nothing.
  if (read[0]?.digest !== desired[0]?.digest) throw new Error('the table read is not the table wanted');
  const whole = (cost: ReadCosts['readings'][number] | undefined) => (cost ? cost.parseMs + cost.traceMs : NaN) / 1000;
  const first = median(read.map(({ readings }) => whole(readings[0])));
  const second = median(read.map(({ unchangedMs }) => unchangedMs[0] ?? NaN)) / 1000;
  const warm = read.flatMap(({ readings }) => readings.slice(warmFrom));
  const warmParse = median(warm.map(({ parseMs }) => parseMs)) / 1000;
  const warmWhole = median(warm.map(whole));
  const peak = (costs: readonly ReadCosts[]) => median(costs.map(({ peakMiB }) => peakMiB));
  const cpu = 's CPU';
  return [
    { what: 'baseline: iptables-legacy-save prints 370,000 rules', value: save, unit: cpu, limit: null },
    { what: 'a reading: parse', value: warmParse, unit: cpu, limit: null },
    { what: 'a reading: parse and trace', value: warmWhole, unit: cpu, limit: null },
    { what: 'a reading / baseline', value: warmWhole / save, unit: '', limit: 0.6 },
    { what: 'first reading of a process, which compiles the code', value: first, unit: cpu, limit: null },
    { what: 'first reading / baseline', value: first / save, unit: '', limit: null },
    { what: 'unchanged second reading', value: second, unit: cpu, limit: null },
    { what: 'unchanged second reading / first reading', value: second / first, unit: '', limit: 0.1 },
    { what: 'peak memory of 8 readings, 5,000 Services x 20', value: peak(read), unit: 'MiB', limit: 200 },
    { what: 'peak memory of 8 readings, 1,000 Services x 10', value: peak(readLittle), unit: 'MiB', limit: 90 },
    {
      what: 'desired table and difference, 5,000 Services x 20',
      value: median(desired.map(({ cpuMs }) => cpuMs)) / 1000,
      unit: cpu,
      limit: 0.5,
    },
  ];
}

const programs = ['iptables-legacy-restore', 'iptables-legacy-save', 'nfacct', 'nft', 'bash'];

/** Prints the rows of one report, and writes them into README.md. @returns whether all promises are kept. */
function tell(name: string, measures: readonly Measure[], howMany: string): boolean {
  const report = reportTable(measures, `${howMany} on ${machine()}.`);
  process.stdout.write(`${report}\n`);
  if (process.argv.includes('--write')) writeReport(join(import.meta.dirname, 'README.md'), name, report);
  return measures.every(({ value, limit }) => limit === null || value <= limit);
}

const obstacle = whyNotHere(programs);
if (obstacle !== null) {
  process.stderr.write(`bench: ${obstacle}\n`);
  process.exit(2);
}
removeAbandoned();
const folder = mkdtempSync(join(tmpdir(), 'plumbline-bench-'));
try {
  const only = ['nftables', 'largest', 'policies', 'matrix'].find((name) => process.argv.includes(`--${name}`)) ?? null;
  const kept = [
    only !== null || tell('bench', [...measureAll(folder), ...aggregatorRows()], `Medians of ${runs} runs`),
    (only !== null && only !== 'nftables') || tell('nftables', await nftablesRows(folder), 'Medians of 3 runs'),
    (only !== null && only !== 'largest') || tell('largest', largestRows(), 'One run'),
    (only !== null && only !== 'policies') || tell('policies', policyRows(), 'Medians of 3 runs'),
    (only !== null && only !== 'matrix') || tell('matrix', matrixRows(), 'Medians of 3 runs'),
  ];
  process.exitCode = kept.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
