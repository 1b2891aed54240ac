/**
 * Recorded nodes with one file changed, as the real programs print it. The recorded clusters have no flow of UDP, so those
 * here are added to the listing of s1 node-a; test/kernel/stale-conntrack.test.ts has real ones.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readersOf } from '../../agent/collectors/readers.ts';
import type { Host } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { judge } from '../../cli/audit/audit-nodes.ts';
import { recordingFolder } from '../recordings.ts';
import { audited, statesOf } from './audited.ts';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-changed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const healthy = join(recordingFolder('s1-healthy'), 'node-a');

/** What tells the folder of a node, and must come from one place. */
const ruleFiles = ['iptables-nft-save.txt', 'ip6tables-nft-save.txt', 'nft-list-ruleset.txt', 'ip_tables_names.txt'];

/** Audits s1 node-a with these files instead of its own. */
async function auditWith(name: string, changed: Readonly<Record<string, string>>) {
  const files = { ...Object.fromEntries(ruleFiles.map((file) => [file, recorded(file)])), ...changed };
  mkdirSync(join(folder, name, 'node-a'), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, 'node-a', file), text);
  const audit = await audited('s1-healthy', { bundle: join(folder, name), over: '.', api: 'api' });
  const findings = audit.report.findings.filter(({ node }) => node === 'node-a');
  return {
    state: statesOf(audit)['node-a'],
    told: findings.map(({ check, state, summary }) => ({ check, state, summary })),
  };
}

function recorded(file: string): string {
  return readFileSync(join(healthy, file), 'utf8');
}

/** A flow to the cluster IP of kube-system/kube-dns, or another address. */
function flow(backend: string, destination = '10.96.0.10:53'): string {
  const [to, port] = destination.split(':');
  return `ipv4     2 udp      17 29 src=10.244.1.2 dst=${to} sport=41000 dport=${port} [UNREPLIED] src=${backend} dst=10.244.1.2 sport=53 dport=41000 mark=0 use=1\n`;
}

describe('flows of UDP on a node in sync (s1 node-a, flows added)', () => {
  it('to a pod that is no endpoint of DNS: stale-conntrack', async () => {
    const listing = recorded('conntrack-extended.txt') + flow('10.244.3.9') + flow('10.244.2.5');
    expect(await auditWith('dead', { 'conntrack-extended.txt': listing })).toEqual({
      state: 'unhealthy',
      told: [
        {
          check: 'stale-conntrack',
          state: 'firing',
          summary:
            'node-a still sends 1 UDP flow of kube-system/kube-dns:dns/udp to 10.244.3.9, where no endpoint of it serves (1 of them never answered).',
        },
      ],
    });
  });

  it('to its endpoints, to node ports of media/stream, and to hosts outside: nothing', async () => {
    const listing =
      recorded('conntrack-extended.txt') +
      [
        flow('10.244.2.5'),
        flow('10.244.1.5'),
        flow('10.244.3.6', '192.168.100.11:30504'),
        flow('192.0.2.53', '192.0.2.53:53'),
        flow('192.0.2.53', '192.0.2.53:30504'),
      ].join('');
    expect(await auditWith('serving', { 'conntrack-extended.txt': listing })).toEqual({ state: 'healthy', told: [] });
  });
});

describe('the table of connections (s1 node-a, count changed)', () => {
  const sysctls = recorded('sysctl.txt');
  const withCount = (count: number) =>
    sysctls.replace(/^net\.netfilter\.nf_conntrack_count = .*$/m, `net.netfilter.nf_conntrack_count = ${count}`);

  it('nearly full: conntrack-full', async () => {
    const { told } = await auditWith('full', { 'sysctl.txt': withCount(250_000) });
    expect(told.map(({ check, summary }) => [check, summary])).toEqual([
      ['conntrack-full', '95 % of the connection table of node-a is in use, and nothing was dropped yet.'],
    ]);
  });

  it('well used: nothing', async () => {
    expect(await auditWith('used', { 'sysctl.txt': withCount(200_000) })).toEqual({ state: 'healthy', told: [] });
  });
});

describe('what connection tracking counts (s1 node-a, read twice, with the counts of a Linux 6.18)', () => {
  const head =
    'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error';
  const hex = (count: number) => count.toString(16).padStart(8, '0');
  const cpu = (failed: number, drop: number, early: number) =>
    `00000017  00000000 00000000 00000000 00000002 00000000 00000000 00000000 00000000 ${[failed, drop, early].map(hex).join(' ')} 00000000`;
  const path = '/proc/net/stat/nf_conntrack';

  /** What is told of the node a minute after the first reading, when so much more was counted. */
  async function toldAfter(failed: number, drop: number, early: number) {
    const state = readApiFolder(join(recordingFolder('s1-healthy'), 'api'), 'audit');
    if (!state.ok) throw new Error(state.refusal.cameBack);
    let text = [head, cpu(4000, 4000, 70), cpu(7, 7, 0), ''].join('\n');
    const recordedNode = recordedHost(healthy);
    const read: Host['read'] = async (file, maxBytes) =>
      file === path ? { ok: true, bytes: Buffer.from(text) } : recordedNode.read(file, maxBytes);
    const host = { ...recordedNode, read };
    const clock = { seconds: 0, now: () => new Date('2026-11-22T10:00:00Z'), monotonicMs: () => 1000 * clock.seconds };
    const readers = readersOf(host, clock, false);
    await observe(host, { readers });
    text = [head, cpu(4000 + failed, 4000 + drop, 70 + early), cpu(7, 7, 0), ''].join('\n');
    clock.seconds = 60;
    const { report } = judge([{ name: 'node-a', observation: await observe(host, { readers }) }], state.value);
    return report.findings.filter(({ node }) => node !== null).map(({ check, summary }) => [check, summary]);
  }

  it('two clashes a second: conntrack-insert-failed, and it is no full table', async () => {
    expect(await toldAfter(120, 120, 0)).toEqual([
      [
        'conntrack-insert-failed',
        'On node-a 120 new connections a minute are lost because their entries clash: name lookups take five seconds and more.',
      ],
    ]);
  });

  it('flows thrown out to make room: conntrack-full', async () => {
    expect((await toldAfter(0, 0, 12)).map(([check]) => check)).toEqual(['conntrack-full']);
  });

  it('a few clashes: nothing', async () => {
    expect(await toldAfter(9, 9, 0)).toEqual([]);
  });
});

describe('packets in state INVALID (s1 node-a, the rule taken out)', () => {
  const rule = /^-A KUBE-FORWARD -m conntrack --ctstate INVALID .*\n/m;
  const rules = Object.fromEntries(ruleFiles.slice(0, 2).map((file) => [file, recorded(file).replace(rule, '')]));
  const withSetting = (value: number) => ({
    'sysctl.txt': `${recorded('sysctl.txt')}net.netfilter.nf_conntrack_tcp_be_liberal = ${value}\n`,
  });

  it('which the kernel does not take: invalid-packets-reset, for each family', async () => {
    const { told } = await auditWith('strict', { ...rules, ...withSetting(0) });
    expect(told.map(({ check, state }) => [check, state])).toEqual([
      ['invalid-packets-reset', 'firing'],
      ['invalid-packets-reset', 'firing'],
    ]);
  });

  it('which the kernel takes, where kube-proxy writes no such rule: nothing', async () => {
    const { told } = await auditWith('liberal', { ...rules, ...withSetting(1) });
    expect(told).toEqual([]);
  });

  it('where the setting was not recorded: unknown', async () => {
    const { told } = await auditWith('unrecorded', { ...rules });
    expect(told.map(({ check, state }) => [check, state])).toEqual([
      ['invalid-packets-reset', 'unknown'],
      ['invalid-packets-reset', 'unknown'],
    ]);
  });
});
