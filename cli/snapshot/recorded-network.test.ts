import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { standingFactsReader } from '../../agent/collectors/standing-facts.ts';
import type { Host } from '../../agent/host.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { scriptedHost } from '../../agent/scripted-host.ts';
import { NodeFolder } from './node-folder.ts';
import { RecordingHost } from './recording-host.ts';

let place = '';
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
});
afterAll(() => rmSync(place, { recursive: true }));

const up = '"flags":["UP"],"mtu":1450,"operstate":"UNKNOWN","promiscuity":0';
const runs = {
  'ip -j -d link': `[{"ifindex":2,"ifname":"eth0",${up}},{"ifindex":5,"ifname":"flannel.1",${up},"linkinfo":{
    "info_kind":"vxlan","info_data":{"id":1,"local":"192.168.100.11","link":"eth0","port":8472,"learning":false}}}]`,
  'ip -j -4 route show table all': '[{"dst":"default","gateway":"192.168.100.1","dev":"eth0","flags":[]}]',
  'ip -j -6 route show table all': '[]',
  'ip -j -4 rule': '[{"priority":32766,"src":"all","table":"main"}]',
  'ip -j -6 rule': '[{"priority":32766,"src":"all","table":"main"}]',
  'ip -j neigh':
    '[{"dst":"10.244.2.0","dev":"flannel.1","lladdr":"02:00:00:00:00:02","state":["PERMANENT"]},{"dst":"192.168.100.12","dev":"eth0","state":["FAILED"]}]',
  'bridge -j fdb': '[{"mac":"02:00:00:00:00:02","ifname":"flannel.1","dst":"192.168.100.12","state":"permanent"}]',
  'ethtool -k flannel.1': 'Features for flannel.1:\n\ttx-checksum-ip-generic: on\n',
};
const files = {
  '/proc/sys/net/ipv4/ip_forward': '1\n',
  '/proc/sys/net/ipv4/conf/all/rp_filter': '0\n',
  '/proc/sys/net/ipv4/conf/flannel.1/rp_filter': '2\n',
  '/proc/sys/kernel/osrelease': '6.1.0-18-amd64\n',
  '/proc/net/snmp': 'Ip: OutNoRoutes FragFails\nIp: 4 5\n',
  '/proc/net/netstat': 'TcpExt: IPReversePathFilter\nTcpExt: 6\n',
  '/proc/net/dev': 'flannel.1: 0 0 0 1 0 0 0 0 0 0 0 2 0 0 0 0\n',
};
const names = ['core', 'ipv4', 'ipv6'].map((name) => ({ name, kind: 'folder' as const }));
const folders = { '/proc/sys/net': { ok: true, entries: names } as const };

async function factsOf(host: Host) {
  return standingFactsReader(host, { now: () => new Date('2026-11-22T08:00:00Z'), monotonicMs: () => 0 })();
}

it('what is told of links, routes, neighbours, settings, counts and offloads is told by the recording, too', async () => {
  const folder = new NodeFolder(join(place, 'node-a'));
  const recording = new RecordingHost(scriptedHost({ runs, files, folders }), folder);
  const facts = await factsOf(recording);
  recording.finish();
  const told = Object.entries(facts).filter(([, { state }]) => state === 'ok');
  expect(told.map(([name]) => name)).toEqual([
    'routes',
    'links',
    'neighbours',
    'networkSettings',
    'networkCounters',
    'offloads',
  ]);
  expect(recording.problems).toEqual([]);
  expect(await factsOf(recordedHost(folder.path))).toEqual(facts);
  expect(facts.networkSettings).toMatchObject({ value: { bridgeCallsIptables: 'no-module' } });
  expect(readFileSync(join(folder.path, 'sysctl.txt'), 'utf8')).toContain('net.ipv4.conf.flannel/1.rp_filter = 2\n');
  expect([...readdirSync(folder.path), ...readdirSync(join(folder.path, 'net'))].sort()).toEqual([
    'bridge-fdb.json',
    'ethtool-flannel.1.txt',
    'ip-link.json',
    'ip-neigh.json',
    'ip-route-all.json',
    'ip-rule.json',
    'ip6-route-all.json',
    'ip6-rule.json',
    'net',
    'proc-net-dev.txt',
    'proc-net-netstat.txt',
    'proc-net-snmp.txt',
    'proc-sys-net.txt',
    'sysctl.txt',
  ]);
});
