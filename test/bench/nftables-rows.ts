/**
 * The rows of the report that are about kube-proxy's nftables mode. The baseline is what any reader must pay: nft
 * printing the table as text.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { localHost } from '../../agent/host.ts';
import { agentNodeEnvironment } from '../../agent/node-flags.ts';
import { makeNamespace, mustRunIn, removeNamespace } from '../kernel/namespaces.ts';
import { cpuSecondsOf, measure } from './measured-program.ts';
import { type NftShape, nftTable } from './nftables-rules.ts';
import type { NftReadCosts } from './read-nftables.ts';
import { type Measure, median } from './report.ts';

const runs = 3;
const services = 10_000;
const endpoints = 5;
const nodeAddresses = ['127.0.0.1', '::1', '192.168.100.13', 'fd00:100::13'];
/** Of the agent and its children, at 10,000 Services of 5 endpoints. */
const promisedMiB = 384;
/** The first reading of a process compiles its code. */
const warmFrom = 1;

const list = 'list table ip kube-proxy';

/** All of them; takes some six minutes, most of them in nft. */
export async function nftablesRows(folder: string): Promise<readonly Measure[]> {
  return [...(await rowsOf('v1.36', folder)), ...(await rowsOf('endpoint chains', folder))];
}

async function rowsOf(shape: NftShape, folder: string): Promise<readonly Measure[]> {
  const namespace = makeNamespace('bench-nft');
  try {
    const rules = join(folder, 'rules.nft');
    writeFileSync(rules, nftTable(shape, services, endpoints));
    mustRunIn(namespace, 'nft', ['-f', rules]);
    const text = median(cpuSecondsOf(namespace, `nft -s ${list}`, runs));
    const json = median(cpuSecondsOf(namespace, `nft -j ${list}`, runs));
    const names = median(cpuSecondsOf(namespace, 'nft list flowtables', runs));
    const memory = { text: await memoryOf(namespace, ['-s']), json: await memoryOf(namespace, ['-j']) };
    const args = [namespace, ...nodeAddresses];
    const read = measure<NftReadCosts>({
      ...{ folder, program: 'read-nftables.ts', args, runs, environment: agentNodeEnvironment },
    });
    return measures(shape, { text, json, names, memory, read });
  } finally {
    removeNamespace(namespace);
  }
}

/** The most memory that nft holds while it lists the table, in MiB. */
async function memoryOf(netns: string, flags: readonly string[]): Promise<number> {
  const host = localHost({ netns });
  const args = [...flags, ...list.split(' ')];
  const result = await host.run({ program: 'nft', args, deadlineMs: 60_000, maxBytes: 2 ** 30 }, () => undefined);
  if (!result.ok) throw new Error(result.message);
  return (host.childPeakBytes?.() ?? Number.NaN) / 2 ** 20;
}

interface Costs {
  /** CPU seconds of nft. */
  readonly text: number;
  readonly json: number;
  readonly names: number;
  /** MiB of nft. */
  readonly memory: { readonly text: number; readonly json: number };
  readonly read: readonly NftReadCosts[];
}

function measures(shape: NftShape, { text, json, names, memory, read }: Costs): readonly Measure[] {
  const warm = (times: readonly number[]) => times.slice(warmFrom);
  const changed = median(read.flatMap(({ changedMs }) => warm(changedMs))) / 1000;
  const unchanged = median(read.flatMap(({ unchangedMs }) => warm(unchangedMs))) / 1000;
  const first = median(read.map(({ changedMs }) => changedMs[0] ?? Number.NaN)) / 1000;
  const agent = median(read.map(({ peakMiB }) => peakMiB));
  const all = median(read.map(({ togetherMiB }) => togetherMiB));
  const row = (what: string, value: number, unit: string, limit: number | null = null): Measure => ({
    ...{ what: `${shape}: ${what}`, value, unit, limit },
  });
  const cpu = 's CPU';
  return [
    row('baseline: nft prints the table as text', text, cpu),
    row('nft prints it as JSON / baseline', json / text, ''),
    row('nft names the tables', names, cpu),
    row('a changed reading, beside nft', changed, cpu),
    row('a changed reading, beside nft / baseline', changed / text, '', 0.8),
    row('first reading of a process, beside nft', first, cpu),
    row('an unchanged reading, beside nft', unchanged, cpu),
    row('an unchanged reading, beside nft / changed', unchanged / changed, ''),
    row('nft, as text', memory.text, 'MiB'),
    row('nft, as JSON', memory.json, 'MiB'),
    row('the agent, 6 readings', agent, 'MiB'),
    row('the agent and nft together', all, 'MiB', shape === 'v1.36' ? promisedMiB : null),
  ];
}
