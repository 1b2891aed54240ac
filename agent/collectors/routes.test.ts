import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import { recordedHost } from '../recorded-host.ts';
import { type Script, scriptedHost } from '../scripted-host.ts';
import { collectRoutes } from './routes.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const ipv4 = 'ip -j -4 route show table all';
const ipv6 = 'ip -j -6 route show table all';

async function routesOf(listed4: string, listed6 = '[]') {
  const part = await collectRoutes(scriptedHost({ runs: { [ipv4]: listed4, [ipv6]: listed6 } }), now);
  return part.state === 'ok' ? part.value.routes : part;
}

/** The rules of a node without routes. */
async function rulesOf(runs: Script['runs'] = {}) {
  const part = await collectRoutes(scriptedHost({ runs: { [ipv4]: '[]', [ipv6]: '[]', ...runs } }), now);
  return part.state === 'ok' ? part.value.rules : part;
}

async function recordedRoutes(node: string) {
  const part = await collectRoutes(recordedHost(`${recordingFolder('s1-healthy')}/${node}`), now);
  if (part.state !== 'ok') throw new Error(JSON.stringify(part));
  return part.value.routes;
}

/** A route of IPv4 in table main, as ip lists it when nothing is said of it. */
const plain = {
  family: 'ipv4',
  table: 'main',
  kind: 'unicast',
  link: null,
  gateway: null,
  source: null,
  protocol: 'boot',
  metric: 0,
  onlink: false,
  mtu: null,
  isDead: false,
};

describe("a node's routes", () => {
  it('are those of both families, table main before the local ones (s1, node-a)', async () => {
    const { total, first } = await recordedRoutes('node-a');
    expect(total).toBe(77);
    expect(first.slice(0, 8)).toEqual([
      { ...plain, destination: '0.0.0.0/0', link: 'eth0', gateway: '192.168.100.1' },
      { ...plain, destination: '10.244.1.0/24', link: 'cni0', source: '10.244.1.1', protocol: 'kernel' },
      { ...plain, destination: '10.244.2.0/24', link: 'eth0', gateway: '192.168.100.12' },
      { ...plain, destination: '10.244.3.0/24', link: 'eth0', gateway: '192.168.100.13' },
      { ...plain, destination: '192.168.100.0/24', link: 'eth0', source: '192.168.100.11', protocol: 'kernel' },
      {
        ...plain,
        family: 'ipv6',
        destination: 'fd00:10:244:1::/64',
        link: 'cni0',
        protocol: 'kernel',
        metric: 256,
      },
      {
        ...plain,
        family: 'ipv6',
        destination: 'fd00:10:244:2::/64',
        link: 'eth0',
        gateway: 'fd00:100::12',
        metric: 1024,
      },
      {
        ...plain,
        family: 'ipv6',
        destination: 'fd00:10:244:3::/64',
        link: 'eth0',
        gateway: 'fd00:100::13',
        metric: 1024,
      },
    ]);
    expect(first.map(({ table }) => table).lastIndexOf('main')).toBe(first.findIndex((r) => r.table === 'local') - 1);
    expect(first.find(({ table }) => table === 'local')).toEqual({
      ...plain,
      table: 'local',
      kind: 'local',
      destination: '10.244.1.1/32',
      link: 'cni0',
      source: '10.244.1.1',
      protocol: 'kernel',
    });
  });

  it('name the link of each pod where the CNI plugin makes one route per pod (s1, node-c)', async () => {
    const { total, first } = await recordedRoutes('node-c');
    expect(total).toBe(73);
    const pods = first.filter(({ destination }) => /^10\.244\.3\.\d+\/32$/.test(destination));
    expect(pods.filter(({ table }) => table === 'main')).toEqual(
      ['73050780', 'c26a1b17', 'f7675679', '3c00db0a', '2861cf1d', '9449b709'].map((id, index) => ({
        ...plain,
        destination: `10.244.3.${index + 2}/32`,
        link: `veth${id}`,
      })),
    );
  });

  it('over several next hops are one for each', async () => {
    const listed = `[{"dst":"198.51.100.0/24","flags":[],"nexthops":[
      {"gateway":"192.0.2.2","dev":"eth0","weight":2,"flags":[]},
      {"gateway":"192.0.2.3","dev":"eth1","weight":1,"flags":[]}]}]`;
    const destination = '198.51.100.0/24';
    expect(await routesOf(listed)).toEqual({
      total: 2,
      first: [
        { ...plain, destination, link: 'eth0', gateway: '192.0.2.2' },
        { ...plain, destination, link: 'eth1', gateway: '192.0.2.3' },
      ],
    });
  });

  it('of other kinds and tables, by other families and from other programs are told as they are', async () => {
    const listed4 = `[
      {"type":"blackhole","dst":"10.244.7.0/24","table":"100","protocol":"bird","metric":5,"flags":[]},
      {"type":"prohibit","dst":"default","table":200,"protocol":99,"flags":[]},
      {"dst":"203.0.113.0/24","via":{"family":"inet6","host":"2001:db8::9"},"dev":"eth0","flags":[]},
      {"dst":"10.1.0.0/16","nhid":7,"gateway":"192.0.2.9","dev":"eth0","flags":[]}]`;
    const listed6 = `[
      {"type":"unreachable","dst":"2001:db8:5::/48","dev":"lo","metric":1024,"flags":[],"pref":"medium"},
      {"dst":"default","dev":"eth0","metric":1024,"flags":[],"pref":"medium"}]`;
    const six = { ...plain, family: 'ipv6', metric: 1024 };
    expect(await routesOf(listed4, listed6)).toEqual({
      total: 6,
      first: [
        { ...plain, destination: '203.0.113.0/24', link: 'eth0', gateway: '2001:db8::9' },
        { ...plain, destination: '10.1.0.0/16', link: 'eth0', gateway: '192.0.2.9' },
        { ...six, kind: 'unreachable', destination: '2001:db8:5::/48', link: 'lo' },
        { ...six, destination: '::/0', link: 'eth0' },
        { ...plain, kind: 'blackhole', table: '100', destination: '10.244.7.0/24', protocol: 'bird', metric: 5 },
        { ...plain, kind: 'prohibit', table: '200', destination: '0.0.0.0/0', protocol: '99' },
      ],
    });
  });

  it('tell a gateway that is taken to be on the link, their own MTU, and that their link is down (iproute2 6.1)', async () => {
    const listed = `[
      {"dst":"10.244.2.0/24","gateway":"10.244.2.0","dev":"flannel.1","flags":["onlink"]},
      {"dst":"10.9.0.0/16","gateway":"192.0.2.2","dev":"eth0","flags":[],"metrics":[{"mtu":1400}]},
      {"dst":"10.11.0.0/16","flags":[],"nexthops":[
        {"gateway":"192.0.2.2","dev":"eth0","weight":1,"flags":["dead","linkdown"]},
        {"gateway":"192.0.2.3","dev":"eth0","weight":1,"flags":["onlink"]}]},
      {"dst":"10.12.0.0/16","dev":"veth1","scope":"link","flags":["linkdown"]},
      {"dst":"10.13.0.0/16","dev":"eth0","flags":["dead"],"metrics":[{"advmss":1200}]}]`;
    const twoWays = { ...plain, destination: '10.11.0.0/16', link: 'eth0' };
    expect(await routesOf(listed)).toEqual({
      total: 6,
      first: [
        { ...plain, destination: '10.244.2.0/24', link: 'flannel.1', gateway: '10.244.2.0', onlink: true },
        { ...plain, destination: '10.9.0.0/16', link: 'eth0', gateway: '192.0.2.2', mtu: 1400 },
        { ...twoWays, gateway: '192.0.2.2', isDead: true },
        { ...twoWays, gateway: '192.0.2.3', onlink: true },
        { ...plain, destination: '10.12.0.0/16', link: 'veth1', isDead: true },
        { ...plain, destination: '10.13.0.0/16', link: 'eth0', isDead: true },
      ],
    });
  });

  it('beyond 2,000 are counted', async () => {
    const routes = Array.from({ length: 2500 }, (_, i) => ({ dst: `10.${i >> 8}.${i & 255}.0/24`, dev: 'eth0' }));
    const cut = await routesOf(JSON.stringify(routes));
    if (!('first' in cut)) throw new Error(JSON.stringify(cut));
    expect([cut.total, cut.first.length, cut.first.at(-1)?.destination]).toEqual([2500, 2000, '10.7.207.0/24']);
  });

  it('that went away while ip was listing are passed over', async () => {
    expect(await routesOf('[{},{"dst":"10.0.0.0/8","dev":"eth0"}]')).toMatchObject({ total: 1 });
  });
});

describe("a node's rules", () => {
  it('are the usual ones of both families (s1, node-a)', async () => {
    const part = await collectRoutes(recordedHost(`${recordingFolder('s1-healthy')}/node-a`), now);
    const rules = part.state === 'ok' ? part.value.rules : null;
    expect(rules?.first.map(({ family, priority, table, further }) => [family, priority, table, further])).toEqual([
      ['ipv4', 0, 'local', null],
      ['ipv4', 32_766, 'main', null],
      ['ipv4', 32_767, 'default', null],
      ['ipv6', 0, 'local', null],
      ['ipv6', 32_766, 'main', null],
    ]);
  });

  it('are not known where they were not recorded, which is not the same as none', async () => {
    expect(await rulesOf()).toBe(null);
    expect(await rulesOf({ 'ip -j -4 rule': '[]', 'ip -j -6 rule': '[]' })).toEqual({ total: 0, first: [] });
  });

  it('fail the routes when they cannot be read: nobody knows which tables are asked', async () => {
    const message = 'ip did not end within 10000 ms';
    expect(await rulesOf({ 'ip -j -4 rule': { ok: false, kind: 'deadline', message } })).toEqual({
      state: 'failed',
      reason: message,
    });
  });
});

describe('routes that cannot be read', () => {
  it('that were not recorded are absent', async () => {
    expect(await collectRoutes(scriptedHost({}), now)).toEqual({ state: 'absent' });
  });

  it('are failed with the word of ip, also when only those of IPv6 are', async () => {
    const message = 'ip did not end within 10000 ms';
    const runs = { [ipv4]: '[]', [ipv6]: { ok: false, kind: 'deadline', message } as const };
    expect(await collectRoutes(scriptedHost({ runs }), now)).toEqual({ state: 'failed', reason: message });
  });

  const garbage = [
    '',
    '{}',
    'null',
    '[1]',
    '[null]',
    '[[]]',
    '["x"]',
    '[{"dev":"eth0"}]',
    '[{"dst":"nowhere"}]',
    '[{"dst":"10.0.0.0/33"}]',
    '[{"dst":"2001:db8::/32"}]',
    '[{"dst":7}]',
    '[{"dst":"10.0.0.0/8","dev":{}}]',
    '[{"dst":"10.0.0.0/8","gateway":"eth0"}]',
    '[{"dst":"10.0.0.0/8","prefsrc":[]}]',
    '[{"dst":"10.0.0.0/8","metric":"5"}]',
    '[{"dst":"10.0.0.0/8","metric":1e400}]',
    '[{"dst":"10.0.0.0/8","metric":-1}]',
    '[{"dst":"10.0.0.0/8","type":true}]',
    '[{"dst":"10.0.0.0/8","nexthops":{}}]',
    '[{"dst":"10.0.0.0/8","nexthops":[null,{"gateway":"x"}]}]',
    '['.repeat(100_000),
  ];
  it.each(garbage.map((listed) => [listed.slice(0, 60), listed]))('are failed when ip prints %s', async (_, listed) => {
    expect(await routesOf(listed)).toEqual({
      state: 'failed',
      reason: 'ip -j -4 route show table all printed something else than its list',
    });
  });
});
