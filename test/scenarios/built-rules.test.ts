/**
 * What stands around kube-proxy's rules, on node-a of s1: its recorded rules with one change each, named here. All else
 * is as recorded.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../aggregator/model/finding.ts';
import type { Audit } from '../../cli/audit/report.ts';
import { recordingFolder } from '../recordings.ts';
import { audited, statesOf } from './audited.ts';

const recorded = recordingFolder('s1-healthy');
const folder = mkdtempSync(join(tmpdir(), 'built-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Audits the recording with lines of node-a's IPv4 rules put before the first line that begins so, or a line replaced. */
async function auditWith(name: string, change: (dump: string) => string): Promise<Audit> {
  const node = join(folder, name, 'node-a');
  mkdirSync(node, { recursive: true });
  // The rule files of one node all come from one folder.
  for (const file of ['ip6tables-nft-save.txt', 'nft-list-ruleset.txt', 'ip_tables_names.txt']) {
    if (existsSync(join(recorded, 'node-a', file))) copyFileSync(join(recorded, 'node-a', file), join(node, file));
  }
  const dump = readFileSync(join(recorded, 'node-a/iptables-nft-save.txt'), 'utf8');
  const changed = change(dump);
  if (changed === dump) throw new Error(`${name} changes nothing`);
  writeFileSync(join(node, 'iptables-nft-save.txt'), changed);
  return audited('s1-healthy', { bundle: join(folder, name), over: recorded, api: 'api' });
}

/** Puts rules at the head of a chain of the filter, nat or mangle table. */
function inserted(table: string, chain: string, ...rules: readonly string[]) {
  return (dump: string): string => {
    const start = dump.indexOf(`*${table}\n`);
    const firstRule = dump.indexOf(`-A ${chain} `, start);
    const commit = dump.indexOf('COMMIT', start);
    const at = firstRule < 0 || firstRule > commit ? commit : firstRule;
    return `${dump.slice(0, at)}${rules.map((rule) => `${rule}\n`).join('')}${dump.slice(at)}`;
  };
}

const dropPolicy = (dump: string): string => dump.replace(/(\*filter\n:INPUT .*\n:FORWARD) ACCEPT/, '$1 DROP');

/** What is told of node-a: the other nodes are as they are. */
function findingsOf({ report }: Audit): readonly Finding[] {
  return report.findings.filter(({ node }) => node === 'node-a');
}

function causesOf(audit: Audit) {
  const causes = findingsOf(audit).filter(({ parent }) => parent === null);
  return causes.map(({ check, severity }) => [check, severity]);
}

function childrenOf(audit: Audit): ReadonlySet<string> {
  const children = findingsOf(audit).filter(({ parent }) => parent !== null);
  return new Set(children.map(({ check }) => check));
}

describe('a rule before the jump of PREROUTING that accepts the whole service range', () => {
  it('is the one cause of all Services that pods and outside clients miss', async () => {
    const rule = '-A PREROUTING -d 10.96.0.0/12 -j ACCEPT';
    const audit = await auditWith('accept-ahead', inserted('nat', 'PREROUTING', rule));
    expect(causesOf(audit)).toEqual([['base-jump-order', 'high']]);
    const [cause] = findingsOf(audit).filter(({ parent }) => parent === null);
    expect(cause?.evidence).toContainEqual({
      kind: 'rule',
      table: 'nat',
      rule,
      note: 'takes packets from pods and outside clients',
    });
    expect(findingsOf(audit).length).toBeGreaterThan(20);
  });

  it('is none where it takes other addresses, like what portmap has there already', async () => {
    const rule = '-A PREROUTING -d 172.17.0.0/16 -j ACCEPT';
    const audit = await auditWith('accept-others-ahead', inserted('nat', 'PREROUTING', rule));
    expect(causesOf(audit)).toEqual([]);
    expect(statesOf(audit)['node-a']).toBe('healthy');
  });
});

describe('a rule before the jumps of FORWARD that accepts whatever pods send', () => {
  it('is the one cause of Services without endpoints that are let through', async () => {
    const rule = '-A FORWARD -s 10.244.0.0/16 -j ACCEPT';
    const audit = await auditWith('forward-ahead', inserted('filter', 'FORWARD', rule));
    expect(causesOf(audit)).toEqual([['base-jump-order', 'medium']]);
    expect(childrenOf(audit)).toEqual(new Set(['unrejected-service']));
  });
});

describe("a rule that sets kube-proxy's mark", () => {
  it('on packets of pods is the one cause of masquerading that nobody asked for, and of refusals that are passed by', async () => {
    const rule = '-A PREROUTING -s 10.244.0.0/16 -j MARK --set-xmark 0x4000/0x4000';
    const audit = await auditWith('mark-set', inserted('mangle', 'PREROUTING', rule));
    expect(causesOf(audit)).toEqual([['mark-collision', 'medium']]);
    expect(childrenOf(audit)).toEqual(new Set(['missing-masquerade', 'unrejected-service']));
  });

  it("is none where the bits are Calico's", async () => {
    const rule = '-A PREROUTING -s 10.244.0.0/16 -j MARK --set-xmark 0x10000/0xffff0000';
    const audit = await auditWith('mark-other', inserted('mangle', 'PREROUTING', rule));
    expect(causesOf(audit)).toEqual([]);
    expect(statesOf(audit)['node-a']).toBe('healthy');
  });
});

describe('FORWARD with the policy DROP', () => {
  it('drops what pods send to each other', async () => {
    const audit = await auditWith('policy-drop', dropPolicy);
    expect(causesOf(audit)).toEqual([['forward-dropped', 'high']]);
    const [finding] = findingsOf(audit);
    expect(finding?.summary).toBe(
      'node-a drops new connections among pods instead of forwarding them: the policy of FORWARD is DROP (ipv4).',
    );
    expect(finding?.remediation.map(({ command }) => command)).toEqual([
      'iptables-nft -t filter -A FORWARD -s 10.244.0.0/16 -j ACCEPT',
      'iptables-nft -t filter -A FORWARD -d 10.244.0.0/16 -j ACCEPT',
    ]);
  });

  it("does not where flannel's rules stand at the end, as it appends them", async () => {
    const flannel = ['-A FORWARD -s 10.244.0.0/16 -j ACCEPT', '-A FORWARD -d 10.244.0.0/16 -j ACCEPT'];
    const appended = (dump: string) => dump.replace(/(-A FORWARD .*\n)(?!-A FORWARD)/, `$1${flannel.join('\n')}\n`);
    const audit = await auditWith('policy-drop-flannel', (dump) => appended(dropPolicy(dump)));
    expect(causesOf(audit)).toEqual([]);
  });

  it('is not judged where the bridge of the pods decides', async () => {
    const bridge = inserted('filter', 'OUTPUT', '-A FORWARD -i cni0 -j ACCEPT');
    const audit = await auditWith('policy-drop-bridge', (dump) => bridge(dropPolicy(dump)));
    expect(causesOf(audit)).toEqual([]);
  });
});

describe("portmap's rules", () => {
  const flushed = (dump: string) =>
    dump
      .split('\n')
      .filter((line) => !line.includes('CNI-'))
      .join('\n');

  it("are missing after a flush, from which only kube-proxy's came back", async () => {
    const audit = await auditWith('no-host-ports', flushed);
    expect(causesOf(audit)).toEqual([['hostport-missing', 'high']]);
    const [finding] = findingsOf(audit);
    expect(finding?.summary).toBe(
      '1 pod on node-a cannot be reached by host port: no rule leads to tcp 8088 -> 10.244.1.8:8080.',
    );
  });
});
