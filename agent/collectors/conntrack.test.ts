import { describe, expect, it } from 'vitest';
import type { ConntrackReport } from '../../proto/parts.ts';
import { address } from '../../test/builders.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { everyone, forwardTo, table } from '../../test/view-builders.ts';
import type { Host } from '../host.ts';
import { recordedHost } from '../recorded-host.ts';
import { type Script, scriptedHost } from '../scripted-host.ts';
import { type ConntrackInput, ConntrackReader } from './conntrack.ts';

const list4 = 'conntrack -L -f ipv4 -p udp -o extended';
const list6 = 'conntrack -L -f ipv6 -p udp -o extended';

function flow(destination: string, port: number, backend: string): string {
  return `ipv4     2 udp      17 29 src=10.244.1.2 dst=${destination} sport=41000 dport=${port} src=${backend} dst=10.244.1.2 sport=5353 dport=41000 [ASSURED] mark=0 use=1\n`;
}

const files = {
  '/proc/sys/net/netfilter/nf_conntrack_count': '120\n',
  '/proc/sys/net/netfilter/nf_conntrack_max': '262144\n',
};
const dnsTable = table([['udp 10.96.0.10:53', everyone(forwardTo('10.244.1.10:5353'))]]);
const input: ConntrackInput = { table: dnsTable, localAddresses: ['127.0.0.1', '192.168.100.11'].map(address) };

/** A reader of a node whose clock stands where it is told. */
function readerOf(host: Host) {
  const clock = { seconds: 0, now: () => new Date('2026-11-22T10:00:00Z'), monotonicMs: () => 1000 * clock.seconds };
  const reader = new ConntrackReader(host, clock);
  const readAt = async (seconds: number, wanted = input): Promise<ConntrackReport> => {
    clock.seconds = seconds;
    const part = await reader.read(wanted);
    if (part.state !== 'ok') throw new Error(JSON.stringify(part));
    return part.value;
  };
  return { clock, reader, readAt };
}

function read(script: Script, wanted = input) {
  return readerOf(scriptedHost({ ...script, files: { ...files, ...script.files } })).readAt(0, wanted);
}

/** `destination -> backend`, as they are told. */
function told({ udp }: ConntrackReport) {
  return udp?.first.map(({ destination, port, backend, flows }) => `${destination}:${port} -> ${backend} x${flows}`);
}

const both = { [list4]: flow('10.96.0.10', 53, '10.244.1.10'), [list6]: '' };

describe('connection tracking', () => {
  it('is how full it is, and the flows to what the node forwards', async () => {
    expect(await read({ runs: both })).toEqual({
      count: 120,
      max: 262144,
      drop: null,
      earlyDrop: null,
      insertFailed: null,
      udp: {
        total: 1,
        first: [
          {
            family: 'ipv4',
            destination: '10.96.0.10',
            port: 53,
            backend: '10.244.1.10',
            backendPort: 5353,
            flows: 1,
            unreplied: 0,
            lasting: false,
          },
        ],
      },
      udpUnreadBecause: null,
    });
  });

  it('is absent where the kernel tracks nothing, and no program is run then', async () => {
    const log: string[] = [];
    expect(await readerOf(scriptedHost({ runs: both }, log)).reader.read(input)).toEqual({ state: 'absent' });
    expect(log).toEqual([]);
  });

  it('is not read where its files are not what they should be', async () => {
    const odd = { ...files, '/proc/sys/net/netfilter/nf_conntrack_max': 'many\n' };
    expect(await readerOf(scriptedHost({ files: odd })).reader.read(input)).toEqual({
      state: 'failed',
      reason: '/proc/sys/net/netfilter/nf_conntrack_max holds no number',
    });
  });

  it('counts what was dropped, with what it rose by', async () => {
    const path = '/proc/net/stat/nf_conntrack';
    const stat = { [path]: '' };
    const { readAt } = readerOf(scriptedHost({ runs: both, files: Object.assign(stat, files) }));
    stat[path] = 'entries insert_failed drop early_drop\n00000078 00000002 00000000 00000000\n';
    await readAt(0);
    stat[path] = 'entries insert_failed drop early_drop\n00000078 00000022 00000001 00000000\n';
    const { insertFailed, drop, earlyDrop } = await readAt(10);
    expect(insertFailed).toEqual({ total: 34, increase: 32, windowSeconds: 10, reset: false });
    expect([drop?.increase, earlyDrop?.increase]).toEqual([1, 0]);
  });

  it('of a recorded node is what was recorded', async () => {
    const report = await readerOf(recordedHost(`${recordingFolder('s1-healthy')}/node-a`)).readAt(0);
    expect([report.count, report.max, report.udp]).toEqual([23, 262144, { total: 0, first: [] }]);
  });
});

describe('flows', () => {
  it('to node ports are told where they go to an address of the node', async () => {
    const nodePort = table([['udp node4:30053', everyone(forwardTo('10.244.1.10:5353'))]]);
    const listing = flow('192.168.100.11', 30053, '10.244.1.10') + flow('192.0.2.1', 30053, '192.0.2.1');
    const report = await read({ runs: { ...both, [list4]: listing } }, { ...input, table: nodePort });
    expect(told(report)).toEqual(['192.168.100.11:30053 -> 10.244.1.10 x1']);
  });

  it('that the rules would not make now come first, then those that are many', async () => {
    const usual = flow('10.96.0.10', 53, '10.244.1.10').repeat(3);
    const odd = flow('10.96.0.10', 53, '10.244.2.7') + flow('10.96.0.10', 53, '10.244.2.8').repeat(2);
    expect(told(await read({ runs: { ...both, [list4]: usual + odd } }))).toEqual([
      '10.96.0.10:53 -> 10.244.2.8 x2',
      '10.96.0.10:53 -> 10.244.2.7 x1',
      '10.96.0.10:53 -> 10.244.1.10 x3',
    ]);
  });

  it('that the rules would not make are known to last once two listings have them', async () => {
    const [old, fresh] = ['10.244.2.7', '10.244.2.8'].map((backend) => flow('10.96.0.10', 53, backend));
    const runs = { ...both };
    const { readAt } = readerOf(scriptedHost({ runs, files }));
    const lasting = ({ udp }: ConntrackReport) =>
      Object.fromEntries((udp?.first ?? []).map((one) => [one.backend, one.lasting]));
    runs[list4] = both[list4] + old;
    expect(lasting(await readAt(0))).toEqual({ '10.244.1.10': false, '10.244.2.7': undefined });
    runs[list4] = `${both[list4]}${old}${fresh}`;
    expect(lasting(await readAt(60))).toEqual({ '10.244.1.10': false, '10.244.2.7': true, '10.244.2.8': false });
    // 10.244.1.10 has just been replaced: its flow was made by the rules of the listing before.
    const replaced = table([['udp 10.96.0.10:53', everyone(forwardTo('10.244.1.11:5353'))]]);
    expect(lasting(await readAt(120, { ...input, table: replaced }))).toEqual({
      '10.244.1.10': false,
      '10.244.2.7': true,
      '10.244.2.8': true,
    });
  });

  it('to what was forwarded within the last hour are still told', async () => {
    const { readAt } = readerOf(scriptedHost({ runs: both, files }));
    await readAt(0);
    const gone = { ...input, table: new Map() };
    expect(told(await readAt(3500, gone))).toHaveLength(1);
    expect(told(await readAt(3700, gone))).toEqual([]);
  });

  it('are read once in a minute, and in between are the last ones', async () => {
    const log: string[] = [];
    const { readAt } = readerOf(scriptedHost({ runs: both, files }, log));
    for (const seconds of [0, 5, 59, 60, 119]) await readAt(seconds);
    expect(log).toEqual([list4, list6, list4, list6]);
  });

  it('are read less often where that takes long, but within four minutes', async () => {
    const log: string[] = [];
    const host = scriptedHost({ runs: both, files }, log);
    const { clock, readAt } = readerOf({
      ...host,
      run: async (command, onOutput) => {
        clock.seconds += 0.5;
        return host.run(command, onOutput);
      },
    });
    for (const seconds of [0, 190, 201, 300, 402]) await readAt(seconds);
    expect(log.filter((line) => line === list4)).toHaveLength(3);
  });

  it('are none where no rule of UDP asks for any: nothing is run', async () => {
    const log: string[] = [];
    const { readAt } = readerOf(scriptedHost({ runs: both, files }, log));
    const report = await readAt(0, {
      ...input,
      table: table([['tcp 10.96.0.1:443', everyone(forwardTo('10.244.1.2:6443'))]]),
    });
    expect([report.udp, log]).toEqual([{ total: 0, first: [] }, []]);
  });
});

describe('flows that cannot be read', () => {
  const permission =
    'not permitted: conntrack ended with code 1: conntrack v1.4.7 (conntrack-tools): Operation not permitted; it is lacking';

  it.each<readonly [string, Script, string]>([
    [
      'the program may not ask',
      { runs: { [list4]: { ok: false, kind: 'not-permitted', message: permission } } },
      permission,
    ],
    [
      'there are too many',
      { runs: { [list4]: { ok: false, kind: 'deadline', message: 'conntrack did not end within 20000 ms' } } },
      'too many connections: conntrack did not end within 20000 ms; run conntrack -L by hand to see how long it takes',
    ],
    ['the output is cut', { runs: { [list4]: 'ipv4     2 udp' } }, `${list4}: line 1 is cut off`],
    [
      'there are millions',
      { files: { '/proc/sys/net/netfilter/nf_conntrack_count': '1200000\n' } },
      '1200000 connections are too many to go through; the limit is 1000000',
    ],
    ['neither program nor file is there', {}, 'conntrack is not installed; /proc/net/nf_conntrack does not exist'],
    [
      'the file would take too long',
      { files: { '/proc/sys/net/netfilter/nf_conntrack_count': '90000\n' } },
      'conntrack is not installed; /proc/net/nf_conntrack is slow with 90000 connections',
    ],
    [
      'running it would load a module',
      { runs: both, files: { '/proc/modules': 'nf_conntrack 172032 3 nf_nat, Live 0x0000000000000000\n' } },
      'module nf_conntrack_netlink is not loaded, and running conntrack would load it; /proc/net/nf_conntrack does not exist',
    ],
  ])('%s: the rest is told, with the reason', async (_, script, reason) => {
    const report = await read(script);
    expect([report.max, report.udp, report.udpUnreadBecause]).toEqual([262144, null, reason]);
  });

  it('the rules were not read: nobody knows which flows are of Services', async () => {
    const report = await read({ runs: both }, { ...input, table: null });
    expect([report.udp, report.udpUnreadBecause]).toEqual([null, 'what the node forwards could not be read']);
  });

  it('conntrack printed fewer than it says: the listing was cut', async () => {
    const host = scriptedHost({ runs: both, files });
    const { readAt } = readerOf({
      ...host,
      run: async (command, onOutput) => {
        const result = await host.run(command, onOutput);
        const shown = 'conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.\n';
        return result.ok ? { ...result, stderr: shown } : result;
      },
    });
    expect((await readAt(0)).udpUnreadBecause).toBe(`${list4}: printed 1 lines, and speaks of 2 entries`);
  });

  it('without the program a small table is read from the file, both families at once', async () => {
    const file = `${flow('10.96.0.10', 53, '10.244.2.7')}ipv4     2 tcp      6 27 TIME_WAIT src=10.244.1.2 dst=10.96.2.3 sport=56350 dport=80 src=10.244.1.12 dst=10.244.1.2 sport=8080 dport=56350 [ASSURED] mark=0 zone=0 use=2\n`;
    expect(told(await read({ files: { '/proc/net/nf_conntrack': file } }))).toEqual(['10.96.0.10:53 -> 10.244.2.7 x1']);
  });
});
