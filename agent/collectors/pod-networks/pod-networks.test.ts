import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../../test/recordings.ts';
import type { Host, ReadResult } from '../../host.ts';
import { recordedHost } from '../../recorded-host.ts';
import { scriptedHost } from '../../scripted-host.ts';
import { collectPodNetworks } from './pod-networks.ts';
import { recordedPodNetworks } from './recorded-pods.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const collectedAt = '2026-11-22T08:00:00.000Z';

const uids = ['0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e', '1c9f2e5f-8a1f-4d1f-8e9f-3a7b2c4d5e6f'] as const;
const [web, db] = uids;
const [pause, main, other] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));

interface Process {
  readonly uid?: string;
  readonly container?: string | undefined;
  /** Ticks since the boot. */
  readonly started?: number;
  /** Its only address; null = it has ended. */
  readonly address?: string | null;
  readonly refused?: boolean;
}

const refusal = { ok: false, kind: 'not-permitted', message: 'not permitted: EACCES' } as const;

function trieOf(addresses: readonly string[]): string {
  return addresses.map((address) => `     |-- ${address}\n        /32 host LOCAL\n`).join('');
}

function filesOf([pid, { uid, container = main, started = 100, address = '10.1.0.2', refused }]: readonly [
  string,
  Process,
]): Readonly<Record<string, string | Extract<ReadResult, { readonly ok: false }>>> {
  const cgroup = uid === undefined ? '0::/system.slice/x.service\n' : `0::/kubepods/burstable/pod${uid}/${container}\n`;
  if (refused === true) return { [`/proc/${pid}/cgroup`]: refusal };
  const own = {
    [`/proc/${pid}/cgroup`]: cgroup,
    [`/proc/${pid}/stat`]: `${pid} (a) b) S ${'0 '.repeat(18)}${started} 0`,
  };
  if (address === null) return own;
  return {
    ...own,
    [`/proc/${pid}/net/dev`]: 'Inter-|\n face |\n    lo: 0\n  eth0: 0\n',
    [`/proc/${pid}/net/fib_trie`]: trieOf([address]),
    [`/proc/${pid}/net/route`]: 'Iface\n',
  };
}

/** A node with these processes and the address 192.0.2.1. */
function node(processes: Readonly<Record<string, Process>>): Host {
  const entries = Object.keys(processes).map((name) => ({ name, kind: 'folder' as const }));
  const files = Object.assign({}, ...Object.entries(processes).map(filesOf));
  return scriptedHost({
    folders: { '/proc': { ok: true, entries: [...entries, { name: 'net', kind: 'link' }] } },
    files: { ...files, '/proc/net/fib_trie': trieOf(['192.0.2.1']) },
  });
}

function pod(uid: string, containers: readonly (string | undefined)[], address: string | null) {
  return {
    uid,
    pod: null,
    containers,
    namespace: address === null ? 'node' : 'own',
    links: address === null ? [] : [{ name: 'eth0', index: null }],
    addresses: address === null ? [] : [{ link: 'eth0', address, prefixLength: 32 }],
    defaultRoutes: [],
  };
}

function report(first: readonly unknown[], unread = 0, problem: string | null = null) {
  return { state: 'ok', value: { pods: { total: first.length, first }, unread, problem }, collectedAt };
}

describe("pods' networks by their processes", () => {
  it('are seen through the oldest process of each pod', async () => {
    const host = node({
      1: {},
      20: { uid: web, container: main, started: 300, address: '10.9.9.9' },
      30: { uid: web, container: pause, started: 200, address: '10.1.0.2' },
      40: { uid: db, container: other, address: '10.1.0.3' },
    });
    expect(await collectPodNetworks(host, now)).toEqual(
      report([pod(web, [pause, main], '10.1.0.2'), pod(db, [other], '10.1.0.3')]),
    );
  });

  it("are the node's own where they have its addresses", async () => {
    const host = node({ 20: { uid: web, address: '192.0.2.1' } });
    expect(await collectPodNetworks(host, now)).toEqual(report([pod(web, [main], null)]));
  });

  it('are seen through the next process where the oldest has ended', async () => {
    const host = node({
      20: { uid: web, started: 100, address: null },
      21: { uid: web, started: 200, address: '10.1.0.2' },
    });
    expect(await collectPodNetworks(host, now)).toEqual(report([pod(web, [main], '10.1.0.2')]));
  });

  it('of pods that ended meanwhile are counted as unread', async () => {
    const host = node({ 20: { uid: web, address: null }, 40: { uid: db, container: other, address: '10.1.0.3' } });
    expect(await collectPodNetworks(host, now)).toEqual(
      report([pod(db, [other], '10.1.0.3')], 1, 'its processes ended while they were looked at'),
    );
  });

  it("are not another process' that has got the number", async () => {
    const plain = node({ 20: { uid: web }, 40: { uid: db, container: other, address: '10.1.0.3' } });
    let asked = 0;
    const host: Host = {
      ...plain,
      read: (path, most) =>
        path === '/proc/20/cgroup' && asked++ > 0
          ? Promise.resolve({ ok: true, bytes: Buffer.from(`0::/kubepods/pod${db}/${other}\n`) })
          : plain.read(path, most),
    };
    expect(await collectPodNetworks(host, now)).toEqual(
      report([pod(db, [other], '10.1.0.3')], 1, 'its processes ended while they were looked at'),
    );
  });

  it('are told with how many processes would not say whose they are', async () => {
    const host = node({ 20: { uid: web }, 30: { refused: true }, 31: { refused: true } });
    expect(await collectPodNetworks(host, now)).toEqual(report([pod(web, [main], '10.1.0.2')], 2, refusal.message));
  });

  it('are failed where no process says whose it is', async () => {
    const host = node({ 1: { refused: true }, 20: { refused: true } });
    expect(await collectPodNetworks(host, now)).toEqual({ state: 'failed', reason: refusal.message });
  });

  it.each([
    ['where no process is of a pod', node({ 1: {}, 20: {} })],
    ["in a container's own /proc", node({ 1: { uid: web }, 20: { uid: web } })],
    ['where no processes are shown', scriptedHost({})],
  ])('are absent %s: that says nothing of pods', async (_where, host) => {
    expect(await collectPodNetworks(host, now)).toEqual({ state: 'absent' });
  });

  it('beyond 2,000 pods are counted', async () => {
    const many = Array.from({ length: 2001 }, (_, i) => [
      String(100 + i),
      { uid: `${String(i).padStart(8, '0')}${web.slice(8)}` },
    ]);
    const part = await collectPodNetworks(node(Object.fromEntries(many)), now);
    expect(part.state === 'ok' && [part.value.pods.total, part.value.pods.first.length]).toEqual([2001, 2000]);
  });
});

describe("pods' networks of a recording", () => {
  it('go by the names of pods (s1, node-c)', async () => {
    const part = await recordedPodNetworks(recordedHost(`${recordingFolder('s1-healthy')}/node-c`), now);
    if (part.state !== 'ok') throw new Error(part.state);
    expect([part.value.pods.total, part.value.unread, part.value.problem]).toEqual([6, 0, null]);
    expect(part.value.pods.first.find(({ pod: named }) => named?.name === 'stream-2')).toEqual({
      uid: '',
      pod: { namespace: 'media', name: 'stream-2' },
      containers: [],
      namespace: 'own',
      links: [{ name: 'eth0', index: 2 }],
      addresses: [
        { link: 'eth0', address: '10.244.3.6', prefixLength: 24 },
        { link: 'eth0', address: 'fd00:10:244:3::6', prefixLength: 64 },
      ],
      defaultRoutes: [
        { family: 'ipv4', link: 'eth0', gateway: '10.244.3.1', isDead: false },
        { family: 'ipv6', link: 'eth0', gateway: 'fd00:10:244:3::1', isDead: false },
      ],
    });
  });

  it.each([
    ['is no JSON', '{', { state: 'failed', reason: 'pods.json is no JSON' }],
    ['is a list', '[1]', report([])],
    [
      'holds something else',
      '{"shop/web":7,"web":{}}',
      report([{ ...pod('', [], null), pod: { namespace: 'shop', name: 'web' }, namespace: 'own' }]),
    ],
  ])('that %s', async (_what, text, expected) => {
    const host = scriptedHost({ files: { '/proc/pods.json': text } });
    expect(await recordedPodNetworks(host, now)).toEqual(expected);
  });

  it('that has none is absent', async () => {
    expect(await recordedPodNetworks(scriptedHost({}), now)).toEqual({ state: 'absent' });
  });
});
