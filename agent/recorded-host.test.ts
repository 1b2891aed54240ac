import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../test/recordings.ts';
import type { Host } from './host.ts';
import { observe } from './observe.ts';
import { recordedHost } from './recorded-host.ts';

const s1 = recordingFolder('s1-healthy');
const s3 = recordingFolder('s3-damage');

async function run(host: Host, line: string, maxBytes = 1e9) {
  const [program = '', ...args] = line.split(' ');
  const pieces: Buffer[] = [];
  const result = await host.run({ program, args, deadlineMs: 1000, maxBytes }, (piece) =>
    pieces.push(Buffer.from(piece)),
  );
  return { result, output: Buffer.concat(pieces).toString() };
}

async function read(host: Host, path: string): Promise<string> {
  const result = await host.read(path, 1e6);
  return result.ok ? result.bytes.toString() : result.kind;
}

const names4 = '/proc/net/ip_tables_names';
const names6 = '/proc/net/ip6_tables_names';

describe('a recording that is changed while it is observed', () => {
  it('shows at each moment what is there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'plumbline-recorded-'));
    try {
      const host = recordedHost(folder);
      const seen = async () => {
        const { result } = await run(host, 'iptables-nft-save');
        return result.ok ? result.bytes > 0 : result.kind;
      };
      const before = await seen();
      cpSync(`${s1}/node-a/iptables-nft-save.txt`, join(folder, 'iptables-nft-save.txt'));
      const between = await seen();
      rmSync(join(folder, 'iptables-nft-save.txt'));
      expect([before, between, await seen()]).toEqual(['absent', true, 'absent']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the recording of an iptables-nft node', () => {
  const host = recordedHost(`${s1}/node-a`);

  it('prints the dump of its backend and nothing for the other', async () => {
    const nft = await run(host, 'iptables-nft-save');
    expect(nft.output).toContain('-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\n');
    expect(nft.result).toEqual({ ok: true, stderr: '', bytes: Buffer.byteLength(nft.output) });
    expect(await run(host, 'iptables-legacy-save')).toEqual({ result: { ok: true, stderr: '', bytes: 0 }, output: '' });
  });

  it('lists the tables of nf_tables, and no legacy ones', async () => {
    const tables = ['ip6 mangle', 'ip mangle', 'ip nat', 'ip filter', 'ip6 nat', 'ip6 filter'];
    expect((await run(host, 'nft list flowtables')).output).toBe(
      tables.map((table) => `table ${table} {\n}\n`).join(''),
    );
    expect([await read(host, names4), await read(host, names6)]).toEqual(['', '']);
  });

  it('does not know what was not recorded', async () => {
    const message = 'iptables-nft-save -t nat was not recorded';
    expect((await run(host, 'iptables-nft-save -t nat')).result).toEqual({ ok: false, kind: 'absent', message });
    expect(await read(host, '/etc/hostname')).toBe('absent');
    expect(await host.get('http://127.0.0.1:10249/other', 1)).toMatchObject({ ok: false, kind: 'absent' });
  });

  it('stops at the cap', async () => {
    const { result } = await run(host, 'iptables-nft-save', 1000);
    expect(result).toEqual({ ok: false, kind: 'too-long', message: 'iptables-nft-save printed more than 1000 bytes' });
  });
});

describe('the recording of a legacy node', () => {
  it('tells the table names of both families apart', async () => {
    const host = recordedHost(`${s1}/node-b`);
    expect([await read(host, names4), await read(host, names6)]).toEqual([
      'filter\nmangle\nnat\n',
      'filter\nmangle\nnat\n',
    ]);
    expect((await run(host, 'nft list flowtables')).output).toBe('');
  });

  it('without the list of names takes them from the dumps', async () => {
    const host = recordedHost(`${recordingFolder('s2-stale-stopped')}/before/node-b`);
    expect([await read(host, names4), await read(host, names6)]).toEqual([
      'filter\nmangle\nnat\n',
      'filter\nmangle\nnat\n',
    ]);
  });

  it('with both backends has the warning on stderr', async () => {
    const { result } = await run(recordedHost(`${recordingFolder('s4-mixed-backends')}/node-b`), 'iptables-nft-save');
    const stderr = '# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n';
    expect(result).toMatchObject({ ok: true, stderr });
  });
});

describe('the recording of a node in nftables mode', () => {
  const nodeC = recordedHost(`${s1}/node-c`);

  it('without anything of nft says nothing of its tables, instead of that there are none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'plumbline-recorded-'));
    try {
      cpSync(`${s1}/node-c/kube-proxy`, join(folder, 'kube-proxy'), { recursive: true });
      cpSync(`${s1}/node-a/iptables-nft-save.txt`, join(folder, 'iptables-nft-save.txt'));
      const { profile, parts } = await observe(recordedHost(folder));
      const reason =
        'kube-proxy works in nftables mode, and nft is not installed or its output was not recorded: install nftables 1.0.1 or newer';
      expect([profile.mode, parts.nftables, parts.forwarding]).toEqual([
        { value: 'nftables', source: 'proxyMode' },
        { state: 'failed', reason },
        { state: 'failed', reason },
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('prints the table of each family by itself', async () => {
    const ipv4 = await run(nodeC, 'nft -s list table ip kube-proxy');
    const ipv6 = await run(nodeC, 'nft -s list table ip6 kube-proxy');
    expect(ipv4.result.ok && ipv6.result.ok).toBe(true);
    expect([ipv4.output, ipv6.output].map((text) => text.match(/^(?:table .*|})$/gm))).toEqual([
      ['table ip kube-proxy {', '}'],
      ['table ip6 kube-proxy {', '}'],
    ]);
  });

  it('stops at the cap', async () => {
    const { result } = await run(nodeC, 'nft -s list table ip kube-proxy', 1000);
    expect(result).toEqual({ ok: false, kind: 'too-long', message: 'nft printed more than 1000 bytes' });
  });

  it('does not know a table that was not recorded', async () => {
    const message = 'nft -s list table ip other was not recorded';
    expect((await run(nodeC, 'nft -s list table ip other')).result).toEqual({ ok: false, kind: 'absent', message });
  });

  it('may be of its tables alone, and large', async () => {
    const large = recordedHost(`${recordingFolder('scale-1000x10')}/node-c`);
    const { output, result } = await run(large, 'nft -s list table ip kube-proxy');
    expect(result).toEqual({ ok: true, stderr: '', bytes: 870_902 });
    expect([output.startsWith('table ip kube-proxy {\n'), output.endsWith('\t}\n}\n')]).toEqual([true, true]);
  });
});

describe('a damage over its healthy recording', () => {
  const folder = `${s3}/d-prerouting-jump-deleted/node-a`;
  const host = recordedHost(folder, `${s3}/healthy/node-a`);

  it('has the rules of the damage and all else of the healthy one', async () => {
    expect((await run(host, 'iptables-nft-save')).output).not.toContain('-A PREROUTING -m comment');
    expect((await run(host, 'ip -j addr')).output).toContain('192.168.100.11');
    expect(await host.get('http://127.0.0.1:10249/proxyMode', 1)).toEqual({ ok: true, status: 200, body: 'iptables' });
  });

  it('alone lacks addresses and kube-proxy', async () => {
    const alone = recordedHost(folder);
    expect((await run(alone, 'ip -j addr')).result).toMatchObject({ ok: false, kind: 'absent' });
    expect(await alone.get('http://127.0.0.1:10249/proxyMode', 1)).toMatchObject({ ok: false, kind: 'absent' });
  });
});

describe('a large recording', () => {
  const folder = recordingFolder('scale-1000x10');

  it('prints both tables without the counters', async () => {
    const { output, result } = await run(recordedHost(`${folder}/node-b`), 'iptables-legacy-save');
    expect(result.ok).toBe(true);
    expect(output.split('\n').filter((line) => line.startsWith('*'))).toEqual(['*nat', '*filter']);
    expect(output.split('\n').filter((line) => line.startsWith('-A KUBE-')).length).toBe(38_370 + 24);
    expect(output.split('\n').filter((line) => line.startsWith('['))).toEqual([]);
  });

  it('knows which tables there are', async () => {
    const tables = await Promise.all(
      ['node-a', 'node-b', 'node-c'].map(async (node) => {
        const host = recordedHost(`${folder}/${node}`);
        return [(await run(host, 'nft list flowtables')).output, await read(host, names4), await read(host, names6)];
      }),
    );
    expect(tables).toEqual([
      ['table ip nat {\n}\ntable ip filter {\n}\n', '', ''],
      ['', 'nat\nfilter\n', ''],
      ['table ip kube-proxy {\n}\n', '', ''],
    ]);
  });
});

describe('a folder without any rule files', () => {
  it('is a node whose rules were not recorded', async () => {
    const api = `${s1}/api`;
    expect(existsSync(api)).toBe(true);
    const host = recordedHost(api);
    expect((await run(host, 'iptables-nft-save')).result).toMatchObject({ ok: false, kind: 'absent' });
    expect((await run(host, 'nft list flowtables')).result).toMatchObject({ ok: false, kind: 'absent' });
    expect(await read(host, names4)).toBe('absent');
  });
});

describe('how the network of a recorded node is built', () => {
  const host = recordedHost(`${s1}/node-a`);

  it('is told by family, though its routes were listed together', async () => {
    const four = await run(host, 'ip -j -4 route show table all');
    const six = await run(host, 'ip -j -6 route show table all');
    const countOf = ({ output }: { readonly output: string }) => JSON.parse(output).length;
    expect([countOf(four), countOf(six)]).toEqual([12, 65]);
    expect(four.output).not.toContain('fe80::');
    expect(countOf(await run(host, 'ip -j -d link'))).toBe(15);
  });

  it('has the folders of CNI', async () => {
    expect(await host.list?.('/etc/cni/net.d', 10)).toEqual({
      ok: true,
      entries: [{ name: '10-labnet.conflist', kind: 'file' }],
    });
    expect(await host.list?.('/var/lib/cni/networks', 10)).toEqual({
      ok: true,
      entries: [{ name: 'labnet', kind: 'folder' }],
    });
    expect(await read(host, '/etc/cni/net.d/10-labnet.conflist')).toContain('"name":"labnet"');
    expect(await read(host, '/var/lib/cni/networks/labnet/10.244.1.2')).toMatch(/^2a88e7fb6906[0-9a-f]+\s+eth0$/);
  });

  it('has nothing beside them', async () => {
    const message = '/etc was not recorded';
    expect(await host.list?.('/etc', 10)).toEqual({ ok: false, kind: 'absent', message });
    expect(await read(host, '/etc/cni/net.d/../../facts.json')).toBe('absent');
    expect(await read(host, '/var/lib/cni/networks/labnet/10.244.1.99')).toBe('absent');
  });
});
