import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../recordings.ts';

interface Run {
  readonly args: readonly string[];
  readonly input?: string;
}

/** Runs the command as a user does, without a TTY. */
function plumbline({ args, input = '' }: Run) {
  const { status, stdout, stderr } = spawnSync(join(import.meta.dirname, '../../bin/plumbline'), args, {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

/** An audit in JSON, its members as far as these tests read them. */
interface Report {
  readonly apiVersion: string;
  readonly kind: string;
  readonly nodes: readonly Readonly<Record<string, unknown>>[];
  readonly findings: readonly Readonly<Record<string, unknown>>[];
}

const healthy = recordingFolder('s1-healthy');
const stale = recordingFolder('s2b-stale-partition');
const damage = recordingFolder('s3-damage');
const unevenBalance = [
  join(damage, 'f-probability-changed'),
  '--over',
  join(damage, 'healthy'),
  '--api',
  join(damage, 'api'),
];

describe('plumbline audit', () => {
  it('exits with 0 when no node differs, and says aloud which node is unknown', () => {
    // The clusters of the recordings have policies that nothing enforces, which is of high severity.
    const edge = ['-n', 'edge', '--fail-on', 'critical'];
    const { status, stdout, stderr } = plumbline({ args: ['audit', healthy, ...edge] });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')[0]).toBe('All 3 nodes do what the cluster asked for.');
    const oneNode = plumbline({ args: ['audit', recordingFolder('s5b-recovered-after-mixed'), ...edge] });
    expect(oneNode.status).toBe(0);
    expect(oneNode.stdout.split('\n')[0]).toBe(
      '1 of 3 nodes does what the cluster asked for. 2 are unknown: node-a, node-c.',
    );
    expect(oneNode.stdout).toContain('\nnode-c is unknown: not recorded.\n');
  });

  it('takes an archive for a folder', () => {
    const archive = join(import.meta.dirname, '../recordings/s1-healthy.tar.gz');
    expect(plumbline({ args: ['audit', archive] })).toEqual(plumbline({ args: ['audit', healthy] }));
  });

  it('exits with 1 when a finding is as severe as asked for, and with 0 when it is not', () => {
    // Beside the damage of medium severity the API's objects have a fault of high severity.
    const exitCode = (...failOn: string[]) => plumbline({ args: ['audit', ...unevenBalance, ...failOn] }).status;
    expect([exitCode(), exitCode('--fail-on', 'high'), exitCode('--fail-on', 'critical')]).toEqual([1, 1, 0]);
  });

  it('prints JSON in the form that scripts hang on', () => {
    const { status, stdout, stderr } = plumbline({ args: ['audit', stale, '-o', 'json'] });
    const report = JSON.parse(stdout) as Report;
    expect([status, report.apiVersion, report.kind]).toEqual([1, 'plumbline.dev/v1', 'AuditReport']);
    expect(report.nodes[1]).toEqual({
      name: 'node-b',
      mode: 'iptables',
      state: 'unhealthy',
      frontends: { total: 65, inSync: 55, drifted: 10, unknown: 0 },
    });
    expect(Object.keys(report.findings[0] ?? {})).toEqual([
      'fingerprint',
      'check',
      'layer',
      'severity',
      'state',
      'node',
      'subject',
      'parent',
      'summary',
      'evidence',
      'remediation',
    ]);
    expect(stderr).toBe('plumbline: node-d is unknown: not recorded\n');
  });

  it('prints the same as YAML, and names alone', () => {
    const names = plumbline({ args: ['audit', stale, '-o', 'name'] })
      .stdout.trimEnd()
      .split('\n');
    const report = JSON.parse(plumbline({ args: ['audit', stale, '-o', 'json'] }).stdout) as Report;
    expect(names).toEqual(report.findings.map(({ fingerprint }) => `finding/${fingerprint}`));
    expect(plumbline({ args: ['audit', stale, '-o', 'yaml'] }).stdout).toMatch(
      /^apiVersion: plumbline\.dev\/v1\nkind: AuditReport\nnodes:\n {2}- name: node-a\n/,
    );
  });

  it('keeps to one namespace and to what concerns all', () => {
    const { stdout } = plumbline({ args: ['audit', stale, '-n', 'shop', '-o', 'json'] });
    const subjects = (JSON.parse(stdout) as Report).findings.map(({ subject }) => subject);
    expect(subjects).toEqual([
      { kind: 'Cluster', name: 'NetworkPolicies' },
      { kind: 'Service', namespace: 'shop', name: 'typo', port: '', protocol: 'tcp' },
      { kind: 'Service', namespace: 'shop', name: 'api-nodeport', port: 'admin', protocol: 'tcp' },
    ]);
  });

  it('exits with 2 and prints nothing when nothing can be judged', () => {
    // Of node-a what kube-proxy said of itself alone.
    const bundle = mkdtempSync(join(tmpdir(), 'plumbline-no-rules-'));
    cpSync(join(healthy, 'node-a/kube-proxy'), join(bundle, 'node-a/kube-proxy'), { recursive: true });
    const { status, stdout, stderr } = plumbline({ args: ['audit', bundle, '--api', join(healthy, 'api')] });
    rmSync(bundle, { recursive: true });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('nothing can be said of any node (node-a: iptables: no rules were reported;');
  });

  it('exits with 2 and says what to do when there is no such bundle, or no API lists', () => {
    expect(plumbline({ args: ['audit', './nowhere'] })).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'plumbline: cannot audit ./nowhere: ./nowhere: no such file or directory\n' +
        'Give a folder that holds a recording, or a .tar.gz of one.\n',
    });
    const withoutLists = plumbline({ args: ['audit', join(damage, 'a-sep-rule-deleted')] });
    expect([withoutLists.status, withoutLists.stdout]).toEqual([2, '']);
    expect(withoutLists.stderr).toContain('it holds no folder api/');
    expect(withoutLists.stderr).toContain('--api DIR');
  });

  it('exits with 2 on options that do not exist or do not go together, with a hint', () => {
    expect(plumbline({ args: ['audit', healthy, '--fail-onn', 'low'] })).toEqual({
      status: 2,
      stdout: '',
      stderr:
        "plumbline: unknown option '--fail-onn'\n(Did you mean --fail-on?)\n" +
        'Add --help to the command to see its options and examples.\n',
    });
    for (const args of [
      ['audit', healthy, '--fail-on', 'urgent'],
      ['audit', healthy, '--live'],
      ['audit', healthy, '--node', 'node-a'],
      ['audit', healthy, '-A', '-n', 'shop'],
      ['audit'],
      ['audit', '--live', '--kubeconfig', join(healthy, 'none')],
      ['audit', '--live', '--context', 'lab', '--api', healthy],
      ['audit', healthy, '--kubeconfig', 'none'],
      [],
      ['unknown'],
    ]) {
      const { status, stdout, stderr } = plumbline({ args });
      expect([args, status, stdout, stderr === '']).toEqual([args, 2, '', false]);
    }
  });
});

describe('plumbline trace', () => {
  const rules = join(healthy, 'node-a/iptables-nft-save.txt');
  const trace = (...args: string[]) => plumbline({ args: ['trace', '--rules', rules, ...args, '-o', 'json'] });

  it('prints where a packet may go, and by which rules', () => {
    const { status, stdout } = trace('--from', '10.244.1.7', '--to', '10.96.27.42:80/tcp');
    const { path, ...answer } = JSON.parse(stdout) as { readonly path: readonly { readonly chain: string }[] };
    expect([status, answer]).toEqual([
      0,
      {
        verdict: 'forward',
        backends: [
          { ip: '10.244.1.2', port: 8080 },
          { ip: '10.244.2.2', port: 8080 },
          { ip: '10.244.3.2', port: 8080 },
        ],
        masquerade: false,
      },
    ]);
    expect(path.slice(0, 3)).toEqual([
      {
        table: 'nat',
        chain: 'PREROUTING',
        rule: '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      },
      {
        table: 'nat',
        chain: 'KUBE-SERVICES',
        rule: '-A KUBE-SERVICES -d 10.96.27.42/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-E3PXEPMWAWIUT6ZV',
      },
      {
        table: 'nat',
        chain: 'KUBE-SVC-E3PXEPMWAWIUT6ZV',
        rule: '-A KUBE-SVC-E3PXEPMWAWIUT6ZV -m comment --comment "shop/web -> 10.244.1.2:8080" -m statistic --mode random --probability 0.33333333349 -j KUBE-SEP-QIUCSNVBF37BQB4U',
      },
    ]);
  });

  it('knows the node by its addresses', () => {
    const verdict = (...nodeIp: string[]) => {
      const { stdout } = trace('--from', '203.0.113.7', '--to', '192.168.100.11:30080', ...nodeIp);
      return (JSON.parse(stdout) as { readonly verdict: string }).verdict;
    };
    expect([verdict('--node-ip', '192.168.100.11'), verdict()]).toEqual(['forward', 'none']);
  });

  it('refuses what is no address, port or protocol', () => {
    expect(trace('--from', '10.244.1.7', '--to', '10.96.27.42:80/icmp')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'plumbline: cannot trace 10.244.1.7 to 10.96.27.42:80/icmp: --to 10.96.27.42:80/icmp names no address, port and protocol\n' +
        'Give IP:PORT/PROTO with tcp, udp or sctp, like 10.96.0.10:53/udp or [fd00::1]:443/tcp.\n',
    });
  });
});

describe('plumbline parse iptables-save', () => {
  const dump = readFileSync(join(healthy, 'node-b/iptables-legacy-save.txt'), 'utf8');
  const rulesOnly = dump
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');

  it('gives the text back, comments of the program aside', () => {
    const { status, stdout } = plumbline({ args: ['parse', 'iptables-save', '-o', 'iptables-save'], input: dump });
    expect([status, stdout]).toEqual([0, rulesOnly]);
  });

  it('prints every rule typed, in order', () => {
    const { status, stdout } = plumbline({ args: ['parse', 'iptables-save', '-', '-o', 'json'], input: dump });
    const { tables } = JSON.parse(stdout) as {
      readonly tables: readonly {
        readonly name: string;
        readonly chains: readonly { readonly rules: readonly { readonly text: string }[] }[];
      }[];
    };
    const texts = tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules.map(({ text }) => text)));
    expect([status, tables.map(({ name }) => name)]).toEqual([0, ['filter', 'mangle', 'nat']]);
    expect(texts).toEqual(rulesOnly.split('\n').filter((line) => line.startsWith('-A ')));
  });

  it('ends in peace when its reader has seen enough', () => {
    const command = join(import.meta.dirname, '../../bin/plumbline');
    const line = '{ "$0" parse iptables-save -; echo "exit code $?" >&2; } | head -c 20';
    const { stdout, stderr } = spawnSync('sh', ['-c', line, command], { input: dump, encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['{"apiVersion":"plumb', 'exit code 0\n']);
  });

  it('refuses garbage with its line', () => {
    const { status, stdout, stderr } = plumbline({ args: ['parse', 'iptables-save'], input: '*nat\n?\n' });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^plumbline: cannot parse stdin: stdin, line 2: /);
  });
});

describe('plumbline checks', () => {
  it('lists them, and explains one', () => {
    const names = plumbline({ args: ['checks', '-o', 'name'] }).stdout.split('\n');
    expect(names).toContain('check/stale-endpoint');
    const { status, stdout } = plumbline({ args: ['checks', 'stale-endpoint', '-o', 'json'] });
    const { id, severity, layer } = JSON.parse(stdout) as Readonly<Record<string, string>>;
    expect([status, id, severity, layer]).toEqual([0, 'stale-endpoint', 'critical', 'L3']);
  });

  it('suggests what was meant', () => {
    expect(plumbline({ args: ['checks', 'stale'] })).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'plumbline: cannot explain the check stale: there is none of that id\n' +
        'Did you mean stale-endpoint, stale-service, stale-conntrack? `plumbline checks` lists them.\n',
    });
  });
});

describe('help', () => {
  it('of every command has an example, and exits with 0', () => {
    for (const command of [[], ['audit'], ['trace'], ['parse'], ['parse', 'iptables-save'], ['checks'], ['demo']]) {
      const { status, stdout, stderr } = plumbline({ args: [...command, '--help'] });
      expect([command, status, stderr]).toEqual([command, 0, '']);
      expect(stdout).toMatch(/\nExamples?:\n {2}\S/);
    }
  });
});
