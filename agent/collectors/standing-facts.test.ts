import { expect, it } from 'vitest';
import { scriptedHost } from '../scripted-host.ts';
import { standingFactsReader } from './standing-facts.ts';

it('routes, links and CNI files are read once a minute, and tell when that was', async () => {
  const log: string[] = [];
  const runs = {
    'ip -j -4 route show table all': '[{"dst":"192.0.2.0/24","dev":"eth0"}]',
    'ip -j -6 route show table all': '[]',
    'ip -j -d link': '[]',
  };
  let seconds = 0;
  const read = standingFactsReader(scriptedHost({ runs }, log), {
    now: () => new Date(Date.UTC(2026, 10, 22, 8, 0, seconds)),
    monotonicMs: () => 1000 * seconds,
  });
  const seen = [];
  for (seconds of [0, 30, 59, 60]) seen.push(await read());
  const times = seen.map(({ links }) => (links.state === 'ok' ? links.collectedAt : links.state));
  const [first, second] = ['2026-11-22T08:00:00.000Z', '2026-11-22T08:01:00.000Z'];
  expect(times).toEqual([first, first, first, second]);
  expect(log).toEqual([...Object.keys(runs), ...Object.keys(runs)]);
  expect(seen[1]).toBe(seen[0]);
  expect(seen[3]).toEqual({
    routes: {
      state: 'ok',
      value: {
        routes: {
          total: 1,
          first: [
            {
              family: 'ipv4',
              table: 'main',
              kind: 'unicast',
              destination: '192.0.2.0/24',
              link: 'eth0',
              gateway: null,
              source: null,
              protocol: 'boot',
              metric: 0,
            },
          ],
        },
      },
      collectedAt: second,
    },
    links: { state: 'ok', value: { links: { total: 0, first: [] } }, collectedAt: second },
    cni: { state: 'absent' },
  });
});
