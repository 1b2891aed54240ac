import { describe, expect, it } from 'vitest';
import type { NodeLink } from '../../../proto/parts.ts';
import { flannelDevice, link, listed, route } from '../../../test/network-builders.ts';
import { type Script, scriptedHost } from '../../scripted-host.ts';
import { NetworkCountersReader, type Wiring } from './network-counters.ts';

/** Of Linux 6.18, with counts written in. */
const snmp = (noRoute: number) => `\
Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits
Ip: 2 64 10 0 0 0 0 0 0 1 0 ${noRoute} 0 0 0 4 0 5 0 1
Icmp: InMsgs InErrors InCsumErrors
Icmp: 0 0 9
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 5 0 0 5 0 0 6 0 0
`;
const netstat = `\
TcpExt: SyncookiesSent SyncookiesRecv IPReversePathFilter TimeWaited
TcpExt: 0 0 7 0
IpExt: InNoRoutes
IpExt: 12
`;
const devices = (drops: number) => `\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       1       2    3    4    0     0          0         0        0       0    0    1    0     0       0          0
  eth0:     110       1    8    ${drops}    0     0          0         0       90       1   10   11    0     0       0          0
flannel.1:       0       0    0    0    0     0          0         0        0       0    0    2    0     0       0          0
 veth1:     290       3    0    5    0     0          0         0       90       1    0    0    0     0       0          0
`;

function wiring(links: readonly NodeLink[], lines: readonly string[] = []): Wiring {
  const part = <T>(value: T) => ({ state: 'ok', value, collectedAt: '' }) as const;
  const routes = { routes: listed(lines.map((line) => route(line))), rules: null };
  return { links: part({ links: listed(links) }), routes: part(routes) };
}

const node = wiring([
  link('lo'),
  link('eth0'),
  flannelDevice(1),
  link('veth1', { kind: 'veth', master: 'cni0' }),
  link('cni0', { kind: 'bridge' }),
]);

function proc(noRoute: number, drops: number): NonNullable<Script['files']> {
  return { '/proc/net/snmp': snmp(noRoute), '/proc/net/netstat': netstat, '/proc/net/dev': devices(drops) };
}

/** Reads at these seconds, one set of files after the other. */
async function readings(all: readonly (readonly [number, NonNullable<Script['files']>])[], wired: Wiring = node) {
  let files: NonNullable<Script['files']> = {};
  let seconds = 0;
  const host = scriptedHost({});
  const clock = { now: () => new Date('2026-11-22T08:00:00Z'), monotonicMs: () => 1000 * seconds };
  const reader = new NetworkCountersReader(
    { ...host, read: (path, most) => scriptedHost({ files }).read(path, most) },
    clock,
  );
  const parts = [];
  for (const [at, its] of all) {
    seconds = at;
    files = its;
    parts.push(await reader.read(wired));
  }
  return parts.map((part) => (part.state === 'ok' ? part.value : part));
}

const first = (total: number) => ({ total, increase: 0, windowSeconds: 0, reset: false });
const rose = (total: number, increase = 0) => ({ total, increase, windowSeconds: 60, reset: false });

describe('packets that were lost', () => {
  it('are counted by protocol, and for uplinks, tunnels and bridges', async () => {
    const [read] = await readings([[0, proc(3, 9)]]);
    expect(read).toEqual({
      reversePathDrops: first(7),
      noRoute: first(3),
      udpChecksumErrors: first(6),
      fragmentationFailures: first(5),
      reassemblyFailures: first(4),
      links: [
        {
          link: 'eth0',
          receiveErrors: first(8),
          receiveDrops: first(9),
          transmitErrors: first(10),
          transmitDrops: first(11),
        },
        {
          link: 'flannel.1',
          receiveErrors: first(0),
          receiveDrops: first(0),
          transmitErrors: first(0),
          transmitDrops: first(2),
        },
      ],
    });
  });

  it('are told with what they rose by within the last minute', async () => {
    const [, read] = await readings([
      [0, proc(3, 9)],
      [60, proc(5, 109)],
    ]);
    expect(read !== undefined && 'links' in read && [read.noRoute, read.links[0]?.receiveDrops]).toEqual([
      rose(5, 2),
      rose(109, 100),
    ]);
  });

  it('stay the same while none is lost, though one reading comes a little later than another', async () => {
    const all = [0, 60.4, 121.9, 182.1, 243].map((at) => [at, proc(3, 9)] as const);
    const [, ...later] = await readings(all);
    expect(new Set(later.map((read) => JSON.stringify(read))).size).toBe(1);
  });

  it('by the node in a container are those of the pair that leads out of it, not of pairs to pods', async () => {
    const pair = { kind: 'veth', peerIndex: 2, peerNamespaceId: 0 };
    const wired = wiring(
      [link('eth0', pair), link('veth1', pair)],
      ['default via 192.168.100.1 dev eth0', '10.244.1.2 dev veth1 scope link'],
    );
    const [read] = await readings([[0, proc(3, 9)]], wired);
    expect(read !== undefined && 'links' in read && read.links.map((its) => its.link)).toEqual(['eth0']);
  });

  it('are of 50 links at most', async () => {
    const links = Array.from({ length: 60 }, (_, i) => link(`eth${i}`));
    const lines = links.map(({ name }) => `  ${name}: ${Array(16).fill(0).join(' ')}`).join('\n');
    const [read] = await readings([[0, { '/proc/net/dev': lines }]], wiring(links));
    expect(read !== undefined && 'links' in read && read.links.length).toBe(50);
  });
});

describe('counts that cannot be read', () => {
  it('are absent where no file was recorded', async () => {
    expect(await readings([[0, {}]])).toEqual([{ state: 'absent' }]);
  });

  it('are failed with the reason', async () => {
    const message = '/proc/net/snmp is longer than 4194304 bytes';
    const files = { ...proc(3, 9), '/proc/net/snmp': { ok: false, kind: 'too-long', message } as const };
    expect(await readings([[0, files]])).toEqual([{ state: 'failed', reason: message }]);
  });

  it('are not told where a file says something else', async () => {
    const files = {
      '/proc/net/snmp': 'Ip: OutNoRoutes FragFails\nIp: -1 x\nUdp: InCsumErrors\nTcp: 1\nIp: ReasmFails',
      '/proc/net/netstat': 'TcpExt: IPReversePathFilter\nTcpExt: 99999999999999999999\n',
      '/proc/net/dev': 'eth0: 1 2 3\nflannel.1: garbage\n: \n',
    };
    const none = { reversePathDrops: null, noRoute: null, udpChecksumErrors: null };
    expect(await readings([[0, files]])).toEqual([
      { ...none, fragmentationFailures: null, reassemblyFailures: null, links: [] },
    ]);
  });
});
