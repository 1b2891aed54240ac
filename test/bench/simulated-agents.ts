/**
 * `npm run bench:agents [-- --seconds N] [--write]`: the aggregator under load, as a process of its own with TLS and
 * tokens, and in this process a stand-in of the API server and the agents of all nodes over real gRPC streams. The
 * cluster rolls all the time; one kube-proxy hangs for a while. Tells every 30 s and at the end what that costs; exit 1
 * where something promised was not kept.
 *
 *   --seconds N    how long it goes on after all agents have connected (600)
 *   --nodes N      (200)   --services N (1000)   --endpoints N of each Service (10)
 *   --changes N    writes to the API per second (5)
 *   --profile DIR  leaves a CPU profile of the aggregator there
 *   --write        puts the result into README.md
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LoadRun } from './load/load-run.ts';
import { machine } from './machine.ts';
import { reportTable, writeReport } from './report.ts';

const number = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    seconds: { ...number, default: '600' },
    nodes: { ...number, default: '200' },
    services: { ...number, default: '1000' },
    endpoints: { ...number, default: '10' },
    changes: { ...number, default: '5' },
    profile: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const size = { nodes: Number(values.nodes), services: Number(values.services), endpoints: Number(values.endpoints) };
const plan = { size, seconds: Number(values.seconds), changesPerSecond: Number(values.changes) };
const folder = mkdtempSync(join(tmpdir(), 'plumbline-load-'));
const run = await LoadRun.start({ ...plan, folder, profileFolder: values.profile ?? null });
try {
  const measures = await run.measure((line) => process.stdout.write(`${line}\n`));
  const load = `${size.nodes} agents, ${size.services} Services x ${size.endpoints}, ${plan.changesPerSecond} changes/s, ${plan.seconds} s`;
  const report = reportTable(measures, `${load}, on ${machine()}.`);
  process.stdout.write(`\n${report}`);
  if (values.write) writeReport(join(import.meta.dirname, 'README.md'), 'agents', report);
  process.exitCode = measures.every(({ value, limit }) => limit === null || value <= limit) ? 0 : 1;
} finally {
  await run.stop();
  rmSync(folder, { recursive: true, force: true });
}
