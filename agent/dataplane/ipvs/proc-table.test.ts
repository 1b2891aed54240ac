import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../../test/recordings.ts';
import { readProcTable } from './proc-table.ts';
import { readPersistence } from './saved-services.ts';

const head = [
  'IP Virtual Server version 1.2.1 (size=4096)',
  'Prot LocalAddress:Port Scheduler Flags',
  '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn',
];

function read(...lines: readonly string[]) {
  return readProcTable([...head, ...lines, ''].join('\n'));
}

function servicesOf(...lines: readonly string[]) {
  const table = read(...lines);
  return table.ok ? [...table.value.values()] : table;
}

const nodeD = join(recordingFolder('s6-ipvs-healthy'), 'node-d');
const recorded = readFileSync(join(nodeD, 'proc-net-ip_vs.txt'), 'utf8');
const saved = readFileSync(join(nodeD, 'ipvsadm-Sn.txt'), 'utf8');

describe('/proc/net/ip_vs', () => {
  it('tells servers, weights and connections', () => {
    expect(
      servicesOf(
        'TCP  0A606D04:18EB rr  persistent 150000 FFFFFFFF',
        '  -> 0AF40204:18EB      Masq    1      3          14        ',
        '  -> 0AF40304:18EB      Local   0      0          0         ',
      ),
    ).toEqual([
      {
        protocol: 'tcp',
        address: '10.96.109.4',
        port: 6379,
        scheduler: 'rr',
        persistentTicks: 150_000,
        servers: [
          { backend: '10.244.2.4:6379', method: 'masq', weight: 1, activeConnections: 3, inactiveConnections: 14 },
          { backend: '10.244.3.4:6379', method: 'local', weight: 0, activeConnections: 0, inactiveConnections: 0 },
        ],
      },
    ]);
  });

  it('tells IPv6 and other protocols; a server of one packet at a time is one like any other', () => {
    expect(
      servicesOf(
        'SCTP [fd00:0010:0096:0000:0000:0000:0000:9b5e]:0050 sh ',
        '  -> [fd00:0010:0244:0002:0000:0000:0000:0006]:1B58      Masq    1      0          0         ',
        'UDP  0A60000A:0035 rr ops ',
      ),
    ).toMatchObject([
      {
        protocol: 'sctp',
        address: 'fd00:10:96::9b5e',
        port: 80,
        scheduler: 'sh',
        servers: [{ backend: '[fd00:10:244:2::6]:7000' }],
      },
      { protocol: 'udp', address: '10.96.0.10', port: 53, persistentTicks: null, servers: [] },
    ]);
  });

  it('passes over services of a firewall mark, with their servers', () => {
    expect(
      servicesOf(
        'FWM  10001000 wlc   ',
        '  -> C0A8321A:0CEA      Tunnel  20     64         1         ',
        'TCP  0A600001:01BB rr  ',
      ),
    ).toMatchObject([{ address: '10.96.0.1', servers: [] }]);
  });

  it('of the recorded node lists what ipvsadm does, and its ticks are a 250th of a second', () => {
    const table = readProcTable(recorded);
    const kept = readPersistence(saved);
    if (!table.ok || !kept.ok) throw new Error('the recording cannot be read');
    const places = [...table.value].map(([key, { servers }]) => `${key} ${servers.length}`).sort();
    const listed = new Map<string, number>();
    for (const line of saved.trim().split('\n')) {
      const [command, option = '', place = ''] = line.split(' ');
      const key = `${{ '-t': 'tcp', '-u': 'udp', '--sctp-service': 'sctp' }[option]} ${place}`;
      listed.set(key, command === '-A' ? 0 : (listed.get(key) ?? 0) + 1);
    }
    expect(places).toEqual([...listed].map(([key, count]) => `${key} ${count}`).sort());
    const persistent = [...table.value].filter(([, { persistentTicks }]) => persistentTicks !== null);
    expect(persistent.map(([key, { persistentTicks }]) => [key, (persistentTicks ?? 0) / 250])).toEqual(
      expect.arrayContaining([...kept.value]),
    );
    expect(persistent.length).toBe(kept.value.size);
  });

  it('cut anywhere but between two lines is refused, and so is what the kernel does not print', () => {
    const cuts = [1, 40, 100, 150, recorded.length - 1, recorded.length - 30];
    const garbled = [
      'TCP  0A600001:01BB',
      'TCP  0A6001:01BB rr',
      'tcp  0A600001:01BB rr',
      '  -> 0AF40204:18EB Masq 1',
      '',
    ];
    expect([
      ...cuts.map((length) => readProcTable(recorded.slice(0, length)).ok),
      ...garbled.map((line) => read('TCP  0A600001:01BB rr', line).ok),
      read('  -> 0AF40204:18EB      Masq    1      0          0         ').ok,
    ]).toEqual(Array(cuts.length + garbled.length + 1).fill(false));
  });
});

describe('ipvsadm -Sn', () => {
  it('tells how long clients are kept, of those virtual servers that keep them', () => {
    const text =
      '-A -t 10.96.0.1:443 -s rr -p 600\n-a -t 10.96.0.1:443 -r 10.244.1.2:8443 -m -w 1\n-A -u [fd00::1]:53 -s rr\n';
    const kept = readPersistence(text);
    expect(kept.ok && [...kept.value]).toEqual([['tcp 10.96.0.1:443', 600]]);
  });

  it('cut or of something else is refused', () => {
    expect(
      ['-A -t 10.96.0.1:443 -s rr -p 6', 'Try again\n', '-A -x 10.96.0.1:443\n'].map(
        (text) => readPersistence(text).ok,
      ),
    ).toEqual([false, false, false]);
  });
});
