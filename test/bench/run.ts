/**
 * `npm run bench [-- --write]`: the costs that this project promises, measured on the recorded clusters, as medians.
 * With --write the table replaces the one in README.md. Exit 1 when a promise is broken, 2 when it cannot be measured.
 *
 * The baseline of reading is what any reader must pay: iptables-legacy-save printing the same rules. They are loaded
 * into a namespace of their own for that, which needs root.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, whyNotHere } from '../kernel/namespaces.ts';
import { recordingFolder } from '../recordings.ts';
import type { DesiredCost } from './compute-desired.ts';
import type { ReadCost } from './read-rules.ts';
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
    const timed = 'TIMEFORMAT="%U %S"; time iptables-legacy-save > /dev/null';
    return Array.from({ length: runs }, () => {
      const times = mustRunIn(namespace, 'bash', ['-c', `{ ${timed}; } 2>&1`])
        .trim()
        .split(' ');
      return times.reduce((sum, seconds) => sum + Number(seconds), 0);
    });
  } finally {
    removeNamespace(namespace);
  }
}

/**
 * Runs one of the measured programs several times, each in a process of its own. A first run that does not count leaves
 * the code in Node's compile cache with its types stripped: the agent's image holds JavaScript, and the stripper alone
 * would cost a fifth of the memory promised.
 */
function measure<Cost>(folder: string, program: string, args: readonly string[]): readonly Cost[] {
  const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', NODE_COMPILE_CACHE: join(folder, 'compile-cache') };
  const [, ...counted] = Array.from({ length: runs + 1 }, () => {
    const path = join(import.meta.dirname, program);
    const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', env });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
    // Written by our own programs one line above: their types say what it is.
    const cost: Cost = JSON.parse(stdout);
    return cost;
  });
  return counted;
}

function measureAll(folder: string): readonly Measure[] {
  const large = writeDump('scale-5000x20', folder);
  const small = writeDump('scale-1000x10', folder);
  const save = median(saveBaseline(large));
  const first = measure<ReadCost>(folder, 'read-rules.ts', ['parse', large, ...nodeAddresses]);
  const second = measure<ReadCost>(folder, 'read-rules.ts', ['digest', large]);
  const little = measure<ReadCost>(folder, 'read-rules.ts', ['parse', small, ...nodeAddresses]);
  const desired = measure<DesiredCost>(folder, 'compute-desired.ts', ['scale-5000x20', 'node-b']);
  // Costs of a wrong answer would be worth nothing.
  if (first[0]?.digest !== desired[0]?.digest) throw new Error('the table read is not the table wanted');
  const firstSeconds = median(first.map(({ cpuMs }) => cpuMs)) / 1000;
  const secondSeconds = median(second.map(({ cpuMs }) => cpuMs)) / 1000;
  return [
    { what: 'iptables-legacy-save prints 370,000 rules (baseline)', value: save, unit: 's CPU', limit: null },
    {
      what: 'first reading: parse',
      value: median(first.map(({ parseMs }) => parseMs)) / 1000,
      unit: 's CPU',
      limit: null,
    },
    { what: 'first reading: parse and trace', value: firstSeconds, unit: 's CPU', limit: null },
    { what: 'first reading / baseline', value: firstSeconds / save, unit: '', limit: 0.6 },
    {
      what: 'peak memory, 5,000 Services x 20',
      value: median(first.map(({ peakMiB }) => peakMiB)),
      unit: 'MiB',
      limit: 200,
    },
    {
      what: 'peak memory, 1,000 Services x 10',
      value: median(little.map(({ peakMiB }) => peakMiB)),
      unit: 'MiB',
      limit: 90,
    },
    { what: 'unchanged second reading', value: secondSeconds, unit: 's CPU', limit: null },
    { what: 'second reading / first reading', value: secondSeconds / firstSeconds, unit: '', limit: 0.1 },
    {
      what: 'desired table and difference, 5,000 Services x 20',
      value: median(desired.map(({ cpuMs }) => cpuMs)) / 1000,
      unit: 's CPU',
      limit: 0.5,
    },
  ];
}

const obstacle = whyNotHere(['iptables-legacy-restore', 'iptables-legacy-save', 'nfacct', 'bash']);
if (obstacle !== null) {
  process.stderr.write(`bench: ${obstacle}\n`);
  process.exit(2);
}
removeAbandoned();
const folder = mkdtempSync(join(tmpdir(), 'plumbline-bench-'));
try {
  const measures = measureAll(folder);
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, kernel ${kernel()}`;
  const report = reportTable(measures, `Medians of ${runs} runs on ${machine}.`);
  process.stdout.write(report);
  if (process.argv.includes('--write')) writeReport(join(import.meta.dirname, 'README.md'), report);
  process.exitCode = measures.every(({ value, limit }) => limit === null || value <= limit) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

function kernel(): string {
  return readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
}
