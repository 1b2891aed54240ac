import { describe, expect, it } from 'vitest';
import type { LinksReport, Part } from '../../../proto/parts.ts';
import { flannelDevice, link, listed } from '../../../test/network-builders.ts';
import { recordingFolder } from '../../../test/recordings.ts';
import { recordedHost } from '../../recorded-host.ts';
import { type Script, scriptedHost } from '../../scripted-host.ts';
import { collectLinks } from '../links.ts';
import { collectNeighbours } from './neighbours.ts';

const collectedAt = '2026-11-22T08:00:00.000Z';
const now = () => new Date(collectedAt);
const neigh = 'ip -j neigh';
const fdb = 'bridge -j fdb';

function linksOf(...links: LinksReport['links']['first']): Part<LinksReport> {
  return { state: 'ok', value: { links: listed(links) }, collectedAt };
}

const flannel = linksOf(link('eth0'), flannelDevice(1), link('cni0', { kind: 'bridge' }));
const bridge = linksOf(link('eth0'), link('cni0', { kind: 'bridge' }));

async function neighboursOf(runs: Script['runs'], links: Part<LinksReport> = flannel) {
  const part = await collectNeighbours(scriptedHost(runs === undefined ? {} : { runs }), links, now);
  return part.state === 'ok' ? part.value : part;
}

describe('neighbours and forwarding entries', () => {
  it('of a flannel node are those of its VXLAN device, as flannel wrote them (iproute2 6.1)', async () => {
    const runs = {
      [neigh]: `[{"dst":"10.244.3.0","dev":"flannel.1","lladdr":"02:00:00:00:00:03","state":["PERMANENT"]},
        {"dst":"10.244.2.0","dev":"flannel.1","lladdr":"02:00:00:00:00:02","state":["PERMANENT"]},
        {"dst":"192.168.100.12","dev":"eth0","lladdr":"06:1e:48:ec:66:22","state":["STALE"]}]`,
      [fdb]: `[{"mac":"33:33:00:00:00:01","ifname":"cni0","flags":["self"],"state":"permanent"},
        {"mac":"02:00:00:00:00:03","ifname":"flannel.1","dst":"192.168.100.13","flags":["self"],"state":"permanent"},
        {"mac":"02:00:00:00:00:02","ifname":"flannel.1","dst":"192.168.100.12","flags":["self"],"state":"permanent"},
        {"mac":"00:00:00:00:00:00","ifname":"vx9","dst":"192.168.100.99","flags":["self"],"state":"permanent"},
        {"mac":"a6:51:2a:aa:d5:51","ifname":"veth1","flags":[],"master":"cni0","state":"permanent"}]`,
    };
    const state = 'permanent';
    expect(await neighboursOf(runs)).toEqual({
      neighbours: listed([
        { link: 'flannel.1', address: '10.244.2.0', mac: '02:00:00:00:00:02', state },
        { link: 'flannel.1', address: '10.244.3.0', mac: '02:00:00:00:00:03', state },
      ]),
      entries: listed([
        { link: 'flannel.1', mac: '02:00:00:00:00:02', destination: '192.168.100.12' },
        { link: 'flannel.1', mac: '02:00:00:00:00:03', destination: '192.168.100.13' },
      ]),
    });
  });

  it('of other links are told where they were written by hand or do not answer', async () => {
    const states = ['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT', 'FAILED', 'INCOMPLETE', 'NOARP'];
    const list = states.map((state, i) => ({ dst: `10.244.1.${i}`, dev: 'cni0', state: [state] }));
    const none = { link: 'cni0', mac: null };
    expect(await neighboursOf({ [neigh]: JSON.stringify(list) }, bridge)).toEqual({
      neighbours: listed([
        { ...none, address: '10.244.1.4', state: 'permanent' },
        { ...none, address: '10.244.1.5', state: 'failed' },
        { ...none, address: '10.244.1.6', state: 'incomplete' },
      ]),
      entries: listed([]),
    });
  });

  it('stay the same while states of a VXLAN device come and go, and its table grows', async () => {
    const told = (...entries: readonly (readonly [string, string])[]) =>
      neighboursOf({
        [neigh]: JSON.stringify(entries.map(([dst, state]) => ({ dst, dev: 'flannel.1', state: [state] }))),
        [fdb]: '[]',
      });
    const before = await told(['10.244.2.0', 'REACHABLE'], ['10.244.3.0', 'STALE']);
    expect(await told(['10.244.3.0', 'PROBE'], ['10.244.2.0', 'DELAY'])).toEqual(before);
    expect('neighbours' in before && before.neighbours.first.map(({ state }) => state)).toEqual([
      'resolved',
      'resolved',
    ]);
  });

  it('of VXLAN devices are not cut for the sake of those that do not answer elsewhere', async () => {
    const lost = Array.from({ length: 2500 }, (_, i) => ({
      dst: `10.0.${i >> 8}.${i & 255}`,
      dev: 'cni0',
      state: ['FAILED'],
    }));
    const peer = { dst: '10.244.2.0', dev: 'flannel.1', lladdr: '02:00:00:00:00:02', state: ['PERMANENT'] };
    const read = await neighboursOf({ [neigh]: JSON.stringify([...lost, peer]), [fdb]: '[]' });
    if (!('neighbours' in read)) throw new Error(JSON.stringify(read));
    const { total, first } = read.neighbours;
    expect([total, first.length, first[0]?.link]).toEqual([2501, 2000, 'flannel.1']);
  });

  it('of a node without a VXLAN device ask nobody for entries (s1, node-a)', async () => {
    const host = recordedHost(`${recordingFolder('s1-healthy')}/node-a`);
    expect(await collectNeighbours(host, await collectLinks(host, now), now)).toEqual({
      state: 'ok',
      value: { neighbours: listed([]), entries: listed([]) },
      collectedAt,
    });
  });
});

describe('neighbours that cannot be read', () => {
  it('are absent where they were not recorded, or links are not known', async () => {
    expect(await neighboursOf({})).toEqual({ state: 'absent' });
    expect(await neighboursOf({ [neigh]: '[]' })).toEqual({ state: 'absent' });
    expect(await neighboursOf({ [neigh]: '[]' }, { state: 'absent' })).toEqual({ state: 'absent' });
  });

  it('are failed with the word of the program', async () => {
    const failed = { ok: false, kind: 'deadline', message: 'bridge did not end within 10000 ms' } as const;
    expect(await neighboursOf({ [neigh]: '[]', [fdb]: failed })).toEqual({ state: 'failed', reason: failed.message });
  });

  it.each([
    '',
    '{}',
    '[1]',
    '[[]]',
    '[{"dev":"flannel.1"}]',
    '[{"dst":7,"dev":"flannel.1"}]',
    '[{"dst":"10.244.2.0"}]',
    '[{"dst":"flannel","dev":"flannel.1"}]',
  ])('are failed when ip prints %s, and never taken for none', async (text) => {
    const reason = 'ip -j neigh printed something else than its list';
    expect(await neighboursOf({ [neigh]: text, [fdb]: '[]' })).toEqual({ state: 'failed', reason });
  });

  it.each(['', '[null]', '[{"mac":"02:00:00:00:00:02"}]', '[{"ifname":"flannel.1","mac":5}]'])(
    'are failed when bridge prints %s',
    async (text) => {
      const reason = 'bridge -j fdb printed something else than its list';
      expect(await neighboursOf({ [neigh]: '[]', [fdb]: text })).toEqual({ state: 'failed', reason });
    },
  );
});
