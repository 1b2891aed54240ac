import { expect, it } from 'vitest';
import { scriptedHost } from '../scripted-host.ts';
import { noStandingFacts, standingFactsReader } from './standing-facts.ts';

it('routes, links and all else are read once a minute, and tell when that was', async () => {
  const log: string[] = [];
  const runs = {
    'ip -j -d link': '[]',
    'ip -j -4 route show table all': '[{"dst":"192.0.2.0/24","dev":"eth0"}]',
    'ip -j -6 route show table all': '[]',
    'ip -j -4 rule': '[{"priority":0,"src":"all","table":"local"}]',
    'ip -j -6 rule': '[]',
    'ip -j neigh': '[]',
  };
  let seconds = 0;
  const readFacts = standingFactsReader(scriptedHost({ runs }, log), {
    now: () => new Date(Date.UTC(2026, 10, 22, 8, 0, seconds)),
    monotonicMs: () => 1000 * seconds,
  });
  const seen = [];
  for (seconds of [0, 30, 59, 60]) seen.push(await readFacts());
  const times = seen.map(({ links }) => (links.state === 'ok' ? links.collectedAt : links.state));
  const [first, second] = ['2026-11-22T08:00:00.000Z', '2026-11-22T08:01:00.000Z'];
  expect(times).toEqual([first, first, first, second]);
  const asked = [...Object.keys(runs), 'ip -j addr'];
  expect(log).toEqual([...asked, ...asked]);
  expect(seen[1]).toBe(seen[0]);
  const route = {
    family: 'ipv4',
    table: 'main',
    kind: 'unicast',
    destination: '192.0.2.0/24',
    link: 'eth0',
    gateway: null,
    source: null,
    protocol: 'boot',
    metric: 0,
    onlink: false,
    mtu: null,
    isDead: false,
  };
  const any = { from: null, to: null, mark: null, link: null, further: null };
  const rule = { ...any, family: 'ipv4', priority: 0, table: 'local', action: 'lookup' };
  const none = { total: 0, first: [] };
  const read = (value: object) => ({ state: 'ok', value, collectedAt: second });
  expect(seen[3]).toEqual({
    ...noStandingFacts,
    routes: read({ routes: { total: 1, first: [route] }, rules: { total: 1, first: [rule] } }),
    links: read({ links: none }),
    neighbours: read({ neighbours: none, entries: none }),
  });
});

it('one that cannot be read takes no other with it', async () => {
  const message = 'ip did not end within 10000 ms';
  const late = { ok: false, kind: 'deadline', message } as const;
  const runs = { 'ip -j -d link': '[]', 'ip -j -4 route show table all': late, 'ip -j neigh': late };
  const files = { '/proc/sys/net/ipv4/ip_forward': '1\n', '/proc/net/snmp': 'garbage' };
  const facts = await standingFactsReader(scriptedHost({ runs, files }), {
    now: () => new Date('2026-11-22T08:00:00Z'),
    monotonicMs: () => 0,
  })();
  const failed = { state: 'failed', reason: message };
  const states = Object.entries(facts).map(([name, part]) => [name, part.state]);
  expect([facts.routes, facts.neighbours]).toEqual([failed, failed]);
  expect(states.filter(([, state]) => state === 'ok').map(([name]) => name)).toEqual([
    'links',
    'networkSettings',
    'networkCounters',
  ]);
});
