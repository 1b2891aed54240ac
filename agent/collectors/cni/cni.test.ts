import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { recordingFolder } from '../../../test/recordings.ts';
import { type Host, type ListResult, localHost } from '../../host.ts';
import { listExecutables } from '../../host-files.ts';
import { recordedHost } from '../../recorded-host.ts';
import { scriptedHost } from '../../scripted-host.ts';
import type { CniPluginSettings } from '../../../proto/parts.ts';
import { collectCni } from './cni.ts';
import { readConfiguration } from './configurations.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const collectedAt = '2026-11-22T08:00:00.000Z';
const configurations = '/etc/cni/net.d';
const networks = '/var/lib/cni/networks';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-cni-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** This machine, but with what it has below `root` in the place of /. */
function hostBelow(root: string): Host {
  const machine = localHost();
  const list = machine.list?.bind(machine);
  if (list === undefined) throw new Error('this machine lists folders');
  return {
    ...machine,
    read: (path, maxBytes) => machine.read(root + path, maxBytes),
    list: (path, maxNames) => list(root + path, maxNames),
    executables: (path, maxNames) => listExecutables(root + path, maxNames),
  };
}

/** A root with these files; a text that begins with `->` makes a symbolic link. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(folder, 'root-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    if (content.startsWith('->')) symlinkSync(content.slice(2), join(root, path));
    else writeFileSync(join(root, path), content);
  }
  return root;
}

async function reportOf(files: Readonly<Record<string, string>>) {
  const part = await collectCni(hostBelow(rootWith(files)), now);
  if (part.state !== 'ok') throw new Error(JSON.stringify(part));
  return part.value;
}

/** Nothing but the plugin's type. */
function plain(type: string): CniPluginSettings {
  return {
    type,
    ipam: null,
    delegates: [],
    ranges: [],
    bridge: null,
    mtu: null,
    hairpin: null,
    stateFolder: null,
  };
}

function configuration(file: string, network: string, plugins: readonly string[]) {
  return { file, network, plugins, settings: plugins.map(plain), problem: null };
}

/** What a node has where nothing lies. */
const nothing = {
  configurations: [],
  reservations: { total: 0, first: [] },
  results: { total: 0, first: [] },
  pluginFolders: [],
};

function listing(...names: readonly string[]): ListResult {
  return { ok: true, entries: names.map((name) => ({ name, kind: 'file' })) };
}

describe("a node's CNI files", () => {
  it('are its configuration and every address that host-local gave away (s1, node-a)', async () => {
    const part = await collectCni(recordedHost(`${recordingFolder('s1-healthy')}/node-a`), now);
    if (part.state !== 'ok') throw new Error(JSON.stringify(part));
    expect(part.value.configurations).toEqual([
      {
        file: '10-labnet.conflist',
        network: 'labnet',
        plugins: ['bridge', 'portmap'],
        settings: [
          {
            type: 'bridge',
            ipam: 'host-local',
            delegates: [],
            ranges: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
            bridge: 'cni0',
            mtu: 1450,
            hairpin: true,
            stateFolder: null,
          },
          plain('portmap'),
        ],
        problem: null,
      },
    ]);
    const { total, first } = part.value.reservations;
    expect([total, first.length]).toEqual([24, 24]);
    expect(first[0]).toEqual({
      network: 'labnet',
      address: '10.244.1.10',
      container: 'd729e664ee791b3a01b14b6c53001926b23c870505d1312382b0beb1c97c46a4',
      link: 'eth0',
    });
    const ofOnePod = first.filter(({ container }) => container.startsWith('2a88e7fb6906'));
    expect(ofOnePod.map(({ address }) => address)).toEqual(['10.244.1.2', 'fd00:10:244:1::2']);
  });

  it('of a node with one route per pod (s1, node-c)', async () => {
    const part = await collectCni(recordedHost(`${recordingFolder('s1-healthy')}/node-c`), now);
    if (part.state !== 'ok') throw new Error(JSON.stringify(part));
    expect(part.value.configurations.map(({ plugins }) => plugins)).toEqual([['ptp', 'portmap']]);
    expect(part.value.reservations.total).toBe(12);
  });

  it('come in the order in which the runtime reads them; other names are passed over', async () => {
    const conf = (name: string) => `{"name":"${name}","type":"bridge"}`;
    const { configurations: found } = await reportOf({
      [`${configurations}/87-podman.conflist`]: '{"name":"podman","plugins":[{"type":"bridge"}]}',
      [`${configurations}/10-calico.conflist`]:
        '{"name":"k8s-pod-network","plugins":[{"type":"calico"},{"type":"portmap"}]}',
      [`${configurations}/B.conf`]: conf('b'),
      [`${configurations}/a.json`]: conf('a'),
      [`${configurations}/calico-kubeconfig`]: 'token: secret',
      [`${configurations}/README.md`]: '',
      [`${configurations}/sub.conf/x.conf`]: conf('x'),
    });
    expect(found).toEqual([
      configuration('10-calico.conflist', 'k8s-pod-network', ['calico', 'portmap']),
      configuration('87-podman.conflist', 'podman', ['bridge']),
      configuration('B.conf', 'b', ['bridge']),
      configuration('a.json', 'a', ['bridge']),
    ]);
  });

  it('that are links lead nowhere: what they point to is not read', async () => {
    const root = rootWith({ '/elsewhere/secret.conf': '{"name":"secret","type":"secret"}' });
    mkdirSync(`${root}${configurations}`, { recursive: true });
    symlinkSync(join(root, 'elsewhere/secret.conf'), `${root}${configurations}/10-x.conf`);
    const part = await collectCni(hostBelow(root), now);
    const problem = `${root}${configurations}/10-x.conf is a symbolic link, which is not followed`;
    const value = {
      ...nothing,
      configurations: [{ file: '10-x.conf', network: null, plugins: [], settings: [], problem }],
    };
    expect(part).toEqual({ state: 'ok', value, collectedAt });
  });

  it('hold reservations of several networks; locks and the last address are none', async () => {
    const { reservations } = await reportOf({
      [`${networks}/net-a/lock`]: '',
      [`${networks}/net-a/last_reserved_ip.0`]: '10.1.0.3',
      [`${networks}/net-a/10.1.0.3`]: 'aaa\r\neth0',
      [`${networks}/net-a/fd00:1::3`]: 'aaa\neth0\n',
      [`${networks}/net-b/10.2.0.3`]: 'bbb',
      [`${networks}/stray`]: '',
    });
    expect(reservations).toEqual({
      total: 3,
      first: [
        { network: 'net-a', address: '10.1.0.3', container: 'aaa', link: 'eth0' },
        { network: 'net-a', address: 'fd00:1::3', container: 'aaa', link: 'eth0' },
        { network: 'net-b', address: '10.2.0.3', container: 'bbb', link: '' },
      ],
    });
  });

  it('whose reservation tells no container is a reservation all the same', async () => {
    const { reservations } = await reportOf({
      [`${networks}/net/10.1.0.3`]: '',
      [`${networks}/net/10.1.0.4`]: 'x'.repeat(5000),
      [`${networks}/net/10.1.0.5`]: `${'y'.repeat(257)}\n${'z'.repeat(65)}`,
    });
    expect(reservations).toEqual({
      total: 3,
      first: [
        { network: 'net', address: '10.1.0.3', container: '', link: '' },
        { network: 'net', address: '10.1.0.4', container: '', link: '' },
        { network: 'net', address: '10.1.0.5', container: `${'y'.repeat(253)}...`, link: `${'z'.repeat(61)}...` },
      ],
    });
  });

  it('beyond 2,000 reservations are counted and not read', async () => {
    const names = Array.from({ length: 2100 }, (_, i) => `10.3.${i >> 8}.${i & 255}`);
    const read: string[] = [];
    const host: Host = {
      ...scriptedHost({}),
      list: async (path) =>
        path === networks ? { ok: true, entries: [{ name: 'net', kind: 'folder' }] } : listing(...names),
      read: async (path) => {
        read.push(path);
        return { ok: true, bytes: Buffer.from('c\neth0') };
      },
    };
    const part = await collectCni(host, now);
    if (part.state !== 'ok') throw new Error(part.state);
    expect([part.value.reservations.total, part.value.reservations.first.length]).toEqual([2100, 2000]);
    expect(read.filter((path) => path.startsWith(networks))).toHaveLength(2000);
  });

  it('that go away between listing and reading were not there', async () => {
    const host = scriptedHost({
      folders: {
        [configurations]: listing('10-a.conf'),
        [networks]: { ok: true, entries: [{ name: 'net', kind: 'folder' }] },
        [`${networks}/net`]: listing('10.1.0.2'),
      },
    });
    expect(await collectCni(host, now)).toEqual({ state: 'ok', value: nothing, collectedAt });
  });
});

describe('CNI files that cannot be read', () => {
  it('are absent where there is neither folder, and where a host shows none', async () => {
    expect(await collectCni(hostBelow(rootWith({})), now)).toEqual({ state: 'absent' });
    expect(await collectCni(localHost({ netns: 'lab' }), now)).toEqual({ state: 'absent' });
  });

  it('are failed where a folder is refused', async () => {
    const refused = {
      ok: false,
      kind: 'not-permitted',
      message: `${configurations} could not be read: EACCES`,
    } as const;
    expect(await collectCni(scriptedHost({ folders: { [configurations]: refused } }), now)).toEqual({
      state: 'failed',
      reason: refused.message,
    });
  });

  it('are failed where a network is a link: its reservations would be lacking', async () => {
    const root = rootWith({ [`${networks}/net`]: '->/etc' });
    expect(await collectCni(hostBelow(root), now)).toEqual({
      state: 'failed',
      reason: '/var/lib/cni/networks/net is a symbolic link, which is not followed',
    });
  });

  it('are failed where a reservation is refused', async () => {
    const path = `${networks}/net/10.1.0.2`;
    const message = `${path} could not be read: EACCES`;
    const host = scriptedHost({
      folders: {
        [networks]: { ok: true, entries: [{ name: 'net', kind: 'folder' }] },
        [`${networks}/net`]: listing('10.1.0.2'),
      },
      files: { [path]: { ok: false, kind: 'not-permitted', message } },
    });
    expect(await collectCni(host, now)).toEqual({ state: 'failed', reason: message });
  });

  it('are failed where there are more than anyone has', async () => {
    const names = Array.from({ length: 201 }, (_, i) => `${i}.conf`);
    const host = scriptedHost({ folders: { [configurations]: listing(...names) } });
    expect(await collectCni(host, now)).toEqual({
      state: 'failed',
      reason: '/etc/cni/net.d holds more than 200 configurations',
    });
  });
});

describe('a configuration that no runtime takes', () => {
  it.each([
    ['10-a.conf', '', 'it is no JSON'],
    ['10-a.conf', '{"name":"a","type":"bridge"', 'it is no JSON'],
    ['10-a.conf', 'null', 'it names no network'],
    ['10-a.conf', '{"name":"","type":"bridge"}', 'it names no network'],
    ['10-a.conflist', '{"plugins":[{"type":"bridge"}]}', 'it names no network'],
  ])('%s with %s', (file, text, problem) => {
    expect(readConfiguration(file, text)).toEqual({ file, network: null, plugins: [], settings: [], problem });
  });

  it.each([
    ['10-a.conflist', '{"name":"a","plugins":{}}', [], 'it holds no list of plugins'],
    ['10-a.conflist', '{"name":"a","type":"bridge"}', [], 'it holds no list of plugins'],
    ['10-a.conflist', '{"name":"a","plugins":[]}', [], 'it holds no plugin'],
    ['10-a.conflist', '{"name":"a","plugins":[{"type":"x"},{"type":7},null]}', ['x'], 'it has a plugin without a type'],
    ['10-a.conf', '{"name":"a"}', [], 'it has a plugin without a type'],
    [
      '10-a.json',
      '{"name":"a","plugins":[{"type":"bridge"}]}',
      [],
      'it holds a list of plugins, which runtimes read from names in .conflist only',
    ],
    [
      '10-a.conflist',
      JSON.stringify({ name: 'a', plugins: Array.from({ length: 51 }, () => ({ type: 'x' })) }),
      [],
      'it holds more than 50 plugins',
    ],
  ])('%s with %s', (file, text, plugins, problem) => {
    expect(readConfiguration(file, text)).toEqual({ file, network: 'a', plugins, settings: [], problem });
  });

  it('tells nothing of what it holds, so no token either', () => {
    const secret = 'eyJhbGciOi';
    const told = [
      readConfiguration('a.conf', `{"name":"a","type":"calico","kubernetes":{"k8s_auth_token":"${secret}"}}`),
      readConfiguration('a.conf', `{"token":"${secret}"`),
      readConfiguration('a.conf', `${secret}`),
    ];
    expect(JSON.stringify(told)).not.toContain(secret);
  });
});
