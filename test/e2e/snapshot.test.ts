/** A snapshot of a running system, audited: what follows from it is what the system itself has found. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import type { Finding } from '../../aggregator/model/finding.ts';
import { auditBundle } from '../../cli/audit/audit-bundle.ts';
import type { Audit } from '../../cli/audit/report.ts';
import { runCommand } from '../command-run.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { until } from './until.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster({ name: 'snapshot', nodes: 'recorded', without: ['node-c'] });
  await cluster.startAll();
});
afterAll(() => cluster?.close());

/** Takes a snapshot as a user does. @returns its place. */
async function snapshot(name: string): Promise<string> {
  const out = join(cluster.folder, name);
  const run = await runCommand(['snapshot', '--server', cluster.client.url, '--out', out]);
  expect([run.exitCode, run.err]).toEqual([0, '']);
  expect(run.out).toMatch(/: all nodes, \d.* packed\. See what follows: plumbline audit /);
  return out;
}

async function audited(bundle: string): Promise<Audit> {
  const outcome = await auditBundle({ bundle, api: null, over: null });
  if (!outcome.ok) throw new Error(outcome.refusal.cameBack);
  return outcome.value;
}

/** What two findings have alike that are of the same thing; states differ, since an audit does not wait. */
function inEssence(findings: readonly (Finding | FindingJson)[]): readonly string[] {
  return findings.map(({ check, node, subject, severity }) => JSON.stringify([check, node, subject, severity])).sort();
}

async function untilStale(): Promise<void> {
  await until({
    what: 'node-a to be found stale',
    seconds: 60,
    look: () => cluster.client.findings('&node=node-a&service=shop/web&check=stale-endpoint'),
    met: (seen) => seen.length > 0,
  });
}

describe('a snapshot through the aggregator', () => {
  it('of a cluster with a stale node leads to the findings of the running system', async ({ onTestFailed }) => {
    onTestFailed(() => cluster.tellAll());
    cluster.loseEndpoint('shop/web', ['node-b']);
    await untilStale();
    const folder = await snapshot('unpacked');
    const archive = await snapshot('packed.tar.gz');
    const running = await cluster.client.findings();
    const { report, untold } = await audited(folder);
    expect(inEssence(report.findings)).toEqual(inEssence(running));
    expect(report.findings.some(({ check, node }) => check === 'stale-endpoint' && node === 'node-a')).toBe(true);
    expect(await audited(archive)).toEqual({ report, untold });
    expect(untold.get('node-c')).toBe('no agent of node-c has reported since the aggregator started');
    const states = new Map((await cluster.client.nodes()).map(({ name, frontends }) => [name, frontends]));
    for (const { name, frontends } of report.nodes) expect([name, frontends]).toEqual([name, states.get(name)]);
  });

  it('is for its owner alone, packed and unpacked', () => {
    const files = readdirSync(join(cluster.folder, 'unpacked'), { recursive: true, encoding: 'utf8' });
    const modes = files.map((name) => statSync(join(cluster.folder, 'unpacked', name)).mode & 0o077);
    expect([...new Set(modes)]).toEqual([0]);
    expect(statSync(join(cluster.folder, 'packed.tar.gz')).mode & 0o777).toBe(0o600);
    expect(readdirSync(cluster.folder).filter((name) => name.startsWith('.plumbline-snapshot-'))).toEqual([]);
  });

  it('is never written over what is there already', async () => {
    const out = join(cluster.folder, 'unpacked');
    const before = readFileSync(join(out, 'snapshot.json'), 'utf8');
    const run = await runCommand(['snapshot', '--server', cluster.client.url, '--out', out]);
    expect([run.exitCode, run.out]).toEqual([2, '']);
    expect(run.err).toContain(`cannot take a snapshot: ${out} is a folder with something in it`);
    expect(readFileSync(join(out, 'snapshot.json'), 'utf8')).toBe(before);
    const empty = join(cluster.folder, 'empty');
    mkdirSync(empty);
    expect(readdirSync(await snapshot('empty'))).toContain('snapshot.json');
  });

  it('of a cluster with a silent agent leaves its node unknown, with its reason and its findings', async ({
    onTestFailed,
  }) => {
    onTestFailed(() => cluster.tellAll());
    await cluster.agent('node-a').end('SIGKILL');
    await until({
      what: 'node-a to be unknown',
      seconds: 70,
      look: () => cluster.client.node('node-a'),
      met: ({ state }) => state === 'unknown',
    });
    const { report, untold } = await audited(await snapshot('silent.tar.gz'));
    expect(inEssence(report.findings)).toEqual(inEssence(await cluster.client.findings()));
    expect(untold.get('node-a')).toBe('the agent of node-a is silent');
    const ofNode = report.findings.filter(({ node }) => node === 'node-a');
    expect([ofNode.length > 0, ...new Set(ofNode.map(({ state }) => state))]).toEqual([true, 'unknown']);
  });
});
