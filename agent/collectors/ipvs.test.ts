import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forwardingText } from '../../proto/canonical.ts';
import type { Host } from '../host.ts';
import { recordedHost } from '../recorded-host.ts';
import { type Script, scriptedHost } from '../scripted-host.ts';
import { address } from '../../test/builders.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { frontend } from '../../test/view-builders.ts';
import { noWishes } from './dataplane-reading.ts';
import { type IpvsInput, IpvsReader, noIpvsReading } from './ipvs.ts';

const nodeD = join(recordingFolder('s6-ipvs-healthy'), 'node-d');
const now = () => new Date('2026-11-22T08:00:00Z');
const nodeAddresses = ['127.0.0.1', '192.168.100.14', '::1', 'fd00:100::14'].map(address);

const input: IpvsInput = {
  localAddresses: nodeAddresses,
  links: ['lo', 'eth0', 'kube-ipvs0'],
  configuration: null,
  nftTables: { state: 'absent' },
};

function recorded(name: string): string {
  return readFileSync(join(nodeD, name), 'utf8');
}

/** What node-d of s6-ipvs-healthy answers. */
const nodeDsAnswers = {
  runs: {
    'ip -j addr show dev kube-ipvs0': recorded('ip-addr-kube-ipvs0.json'),
    'iptables-legacy-save': recorded('iptables-legacy-save.txt'),
    'ip6tables-legacy-save': recorded('ip6tables-legacy-save.txt'),
    'iptables-nft-save': '',
    'ip6tables-nft-save': '',
    'ipset save': recorded('ipset-save.txt'),
    'ipvsadm -Sn': recorded('ipvsadm-Sn.txt'),
  },
  files: {
    '/proc/net/ip_vs': recorded('proc-net-ip_vs.txt'),
    '/proc/net/ip_tables_names': 'nat\nfilter\n',
    '/proc/net/ip6_tables_names': 'nat\nfilter\n',
    '/proc/sys/net/ipv4/vs/conn_reuse_mode': '1\n',
    '/proc/sys/net/ipv4/vs/expire_quiescent_template': '0\n',
    '/proc/sys/net/ipv4/vs/conntrack': '1\n',
  },
} as const satisfies Script;

interface Changes {
  readonly runs?: Script['runs'];
  readonly files?: Script['files'];
  readonly without?: readonly string[];
}

function hostWith({ runs = {}, files = {}, without = [] }: Changes = {}, log: string[] = []): Host {
  const kept = <T>(all: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)));
  return scriptedHost(
    { runs: kept({ ...nodeDsAnswers.runs, ...runs }), files: kept({ ...nodeDsAnswers.files, ...files }) },
    log,
  );
}

function readerOf(host: Host, keepsRules = false, monotonicMs = () => 0): IpvsReader {
  return new IpvsReader(host, { now, monotonicMs }, keepsRules);
}

function readOnce(changes: Changes, other: Partial<IpvsInput> = {}) {
  return readerOf(hostWith(changes)).read({ ...input, ...other });
}

async function reasonOf(changes: Changes, other: Partial<IpvsInput> = {}): Promise<string | null> {
  const { forwarding } = await readOnce(changes, other);
  return forwarding.state === 'failed' ? forwarding.reason : null;
}

describe('a node in ipvs mode', () => {
  it('tells what it does, how it is built and how kube-proxy is set up', async () => {
    const { part, forwarding, facts } = await readerOf(recordedHost(nodeD)).read(input);
    expect(part).toMatchObject({
      state: 'ok',
      value: {
        virtualServers: 63,
        realServers: 115,
        drained: { total: 0 },
        unboundServers: { total: 0 },
        idleAddresses: { total: 0 },
        connReuseMode: 1,
        expireQuiescentTemplate: 1,
      },
      collectedAt: '2026-11-22T08:00:00.000Z',
    });
    expect(facts).toMatchObject({
      localDetector: {
        ipv4: { kind: 'prefix', prefix: '10.244.0.0/16' },
        ipv6: { kind: 'prefix', prefix: 'fd00:10:244::/56' },
      },
      markBit: 14,
      masqueradeAll: false,
      hairpin: 'own-endpoints',
      refusesOwnFirst: null,
    });
    const table = forwarding.state === 'ok' ? forwarding.value.table : new Map();
    expect(table.size).toBe(63);
    expect(forwardingText(table.get(frontend('tcp node6:30707')).forwarding)).toBe(
      [
        'forward [fd00:10:244:1::6]:7000,[fd00:10:244:2::6]:7000 affinity=0 sources=any | shares=even masquerade=always hairpin=all',
      ].join('\n'),
    );
  });

  it('names the health check node ports that load balancers may ask', async () => {
    expect((await readOnce({})).healthCheckPorts).toEqual([32000]);
  });

  it('shows the lines behind a frontend where rules are kept, and to whoever asks for an entry', async () => {
    const reading = await readerOf(hostWith(), true).read(input);
    const lines = reading.explain(frontend('tcp 10.96.0.1:443'));
    expect(lines.slice(0, 2).map(({ rule }) => rule)).toEqual([
      '-A -t 10.96.0.1:443 -s rr',
      '-a -t 10.96.0.1:443 -r 192.168.100.1:6443 -m -w 1',
    ]);
    const { evidence } = await readerOf(hostWith()).read(input, { ...noWishes, evidenceFor: ['0'.repeat(32)] });
    expect(evidence).toEqual([{ entry: '0'.repeat(32), repaired: true, lines: [], total: 0 }]);
  });

  it('that did not change is not traced again: connections and the order of sets are no change', async () => {
    const procTable = nodeDsAnswers.files['/proc/net/ip_vs'];
    const sets = recorded('ipset-save.txt').split('\n');
    const host: { now: Host } = { now: hostWith() };
    const reader = readerOf({
      run: (...all) => host.now.run(...all),
      read: (...all) => host.now.read(...all),
      get: (...all) => host.now.get(...all),
    });
    const tables: unknown[] = [];
    const reversed = [
      ...sets.filter((line) => line.startsWith('create')),
      ...sets.filter((line) => line.startsWith('add')).reverse(),
      '',
    ].join('\n');
    for (const next of [
      hostWith(),
      hostWith({ files: { '/proc/net/ip_vs': procTable.replaceAll('Masq    1      0 ', 'Masq    1      7 ') } }),
      hostWith({ runs: { 'ipset save': reversed } }),
      hostWith({
        runs: { 'ipset save': recorded('ipset-save.txt').replace('add KUBE-CLUSTER-IP 10.96.0.1,tcp:443\n', '') },
      }),
    ]) {
      host.now = next;
      const { forwarding } = await reader.read(input);
      tables.push(forwarding.state === 'ok' ? forwarding.value : forwarding);
    }
    expect([tables[1] === tables[0], tables[2] === tables[0], tables[3] === tables[0]]).toEqual([true, true, false]);
  });
});

describe('where kube-proxy does not serve with it', () => {
  it('a kernel without it is passed over, and no program runs', async () => {
    const log: string[] = [];
    expect(await readerOf(hostWith({ without: ['/proc/net/ip_vs'] }, log)).read(input)).toEqual(noIpvsReading);
    expect(log).toEqual([]);
  });

  it('virtual servers of somebody else are counted and not traced, and no program runs', async () => {
    const log: string[] = [];
    const { part, forwarding } = await readerOf(hostWith({}, log)).read({ ...input, links: ['lo', 'eth0'] });
    expect([part.state, forwarding, log]).toEqual(['ok', { state: 'absent' }, []]);
  });

  it('a table that cannot be read is told, and does not stand in the way of the node’s own mode', async () => {
    const files = { '/proc/net/ip_vs': 'garbage' };
    const { part, forwarding } = await readOnce({ files }, { links: ['lo', 'eth0'] });
    expect([part.state, forwarding.state]).toEqual(['failed', 'absent']);
  });

  it('rules that name no set ask for none: ipset would load a module', async () => {
    const log: string[] = [];
    const rules = '*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n# Completed on Sun Nov 22 07:57:50 2026\n';
    const runs = { 'iptables-legacy-save': rules, 'ip6tables-legacy-save': rules };
    const files = { '/proc/net/ip_tables_names': 'nat\n', '/proc/net/ip6_tables_names': 'nat\n' };
    const { forwarding } = await readerOf(hostWith({ runs, files }, log)).read(input);
    expect([forwarding.state, log.includes('ipset save')]).toEqual(['ok', false]);
  });
});

describe('what cannot be read whole is never a smaller whole', () => {
  it('a cut or garbled source fails the reading, and says which', async () => {
    const cutSets = recorded('ipset-save.txt');
    expect([
      await reasonOf({ files: { '/proc/net/ip_vs': recorded('proc-net-ip_vs.txt').slice(0, 1000) } }),
      await reasonOf({ runs: { 'ipset save': cutSets.slice(0, 900) } }),
      await reasonOf({
        runs: { 'ipset save': `${cutSets.slice(0, cutSets.indexOf('\ncreate KUBE-LOAD-BALANCER '))}\n` },
      }),
      await reasonOf({ runs: { 'iptables-legacy-save': '*nat\nCOMMIT\n' } }),
      await reasonOf({ runs: { 'ip -j addr show dev kube-ipvs0': '[' } }),
    ]).toEqual([
      '/proc/net/ip_vs shows what cannot be read, line 22: it ends within a line: it was cut',
      expect.stringMatching(/^ipset save shows what cannot be read, line \d+: it ends within a line: it was cut$/),
      'ipset save shows no set KUBE-LOAD-BALANCER, which rules name: it was cut',
      expect.stringMatching(/^iptables-legacy-save printed what cannot be read/),
      'ip -j addr show dev kube-ipvs0 printed something else than its list of links',
    ]);
  });

  it('a program that is not there, and addresses that are not known, too', async () => {
    expect([
      await reasonOf({ without: ['ipset save'] }),
      await reasonOf({ without: ['iptables-legacy-save'] }),
      await reasonOf({}, { localAddresses: [] }),
    ]).toEqual([
      'ipset is not installed; install ipset',
      'iptables-legacy-save is not installed; install iptables 1.8 with both backends',
      'the addresses of the node are not known',
    ]);
  });
});

describe('how long clients are kept', () => {
  async function affinityOf(changes: Changes): Promise<string> {
    const { forwarding } = await readOnce(changes);
    const fate =
      forwarding.state === 'ok'
        ? forwarding.value.table.get(frontend('tcp 10.96.109.4:6379'))?.forwarding.node
        : undefined;
    return fate?.route.action === 'forward' ? String(fate.route.affinitySeconds) : JSON.stringify(fate?.route);
  }

  it('is what ipvsadm says, without it what a setting of one second tells of ticks, else not known', async () => {
    const without = ['ipvsadm -Sn'];
    const setting = '/proc/sys/net/ipv4/route/error_cost';
    expect([
      await affinityOf({}),
      await affinityOf({ without, files: { [setting]: '250\n' } }),
      await affinityOf({ without, files: { [setting]: '0\n' } }),
    ]).toEqual(['600', '600', JSON.stringify({ action: 'unknown', reason: 'unreadable-rule' })]);
  });

  it('is asked of ipvsadm once: ticks do not change while a node runs', async () => {
    const log: string[] = [];
    const reader = readerOf(hostWith({}, log));
    await reader.read(input);
    await reader.read(input);
    expect(log.filter((line) => line === 'ipvsadm -Sn')).toEqual(['ipvsadm -Sn']);
  });
});

describe('what is unbound, idle or drained', () => {
  it('is listed', async () => {
    const table = recorded('proc-net-ip_vs.txt');
    // A real server of 10.96.0.1:443 drained, the address of a virtual server changed, by hand.
    const files = {
      '/proc/net/ip_vs': table
        .replace(
          '  -> C0A86401:192B      Masq    1      0          0 ',
          '  -> C0A86401:192B      Masq    0      2          3 ',
        )
        .replace('TCP  0A60D7CC:0050 rr', 'TCP  0A60FAFA:0050 rr'),
    };
    let nowMs = 0;
    const reader = readerOf(hostWith({ files }), false, () => nowMs);
    await reader.read(input);
    nowMs = 125_000;
    const { part } = await reader.read(input);
    expect(part).toMatchObject({
      value: {
        drained: {
          total: 1,
          first: [
            {
              server: { protocol: 'tcp', address: '10.96.0.1', port: 443 },
              backend: '192.168.100.1:6443',
              activeConnections: 2,
              inactiveConnections: 3,
              persistent: false,
              forSeconds: 120,
              sinceFallSeconds: 120,
            },
          ],
        },
        unboundServers: { total: 1, first: [{ protocol: 'tcp', address: '10.96.250.250', port: 80 }] },
        idleAddresses: { total: 1, first: ['10.96.215.204'] },
      },
    });
  });
});
