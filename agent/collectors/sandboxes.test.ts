import { describe, expect, it } from 'vitest';
import type { Host } from '../host.ts';
import type { ListedSandbox, SandboxStatus } from '../host-cri.ts';
import { scriptedHost } from '../scripted-host.ts';
import { SandboxesReader } from './sandboxes.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const info = JSON.stringify({
  pid: 4711,
  runtimeSpec: { linux: { namespaces: [{ type: 'pid' }, { type: 'network', path: '/var/run/netns/cni-1' }] } },
});
const ofPod: SandboxStatus = { hostNetwork: false, addresses: ['10.244.1.2', 'fd00:0::2'], info };

function listed(id: string, fields: Partial<ListedSandbox> = {}): ListedSandbox {
  const createdAt = 1_763_794_800_123_456_789n;
  return { id, namespace: 'shop', name: 'web-0', uid: 'uid-1', attempt: 0, ready: true, createdAt, ...fields };
}

/** A runtime with these sandboxes, of which it tells the statuses that it has; `asked` gets whom it was asked for. */
function runtimeOf(
  sandboxes: () => readonly ListedSandbox[],
  statuses: Readonly<Record<string, SandboxStatus>> = {},
  asked: (readonly string[])[] = [],
): SandboxesReader {
  const answer: Host['sandboxes'] = async (choose) => {
    const chosen = choose(sandboxes());
    asked.push(chosen);
    const told = chosen.flatMap((id) => (statuses[id] === undefined ? [] : [[id, statuses[id]] as const]));
    return { ok: true, runtime: 'containerd 1.6.20', sandboxes: sandboxes(), statuses: new Map(told) };
  };
  return new SandboxesReader({ ...scriptedHost({}), sandboxes: answer }, now);
}

describe('the sandboxes of a node', () => {
  it('are told with their network', async () => {
    const runtime = runtimeOf(() => [listed('aaa')], { aaa: ofPod });
    expect(await runtime.read()).toEqual({
      state: 'ok',
      value: {
        runtime: 'containerd 1.6.20',
        sandboxes: {
          total: 1,
          first: [
            {
              id: 'aaa',
              namespace: 'shop',
              name: 'web-0',
              uid: 'uid-1',
              attempt: 0,
              ready: true,
              createdAt: '2025-11-22T07:00:00.123Z',
              network: { of: 'pod', addresses: ['10.244.1.2', 'fd00::2'], networkNamespace: 'cni-1' },
            },
          ],
        },
      },
      collectedAt: '2026-11-22T08:00:00.000Z',
    });
  });

  it.each([
    ['whose network is the node’s', { ...ofPod, hostNetwork: true }, { of: 'node' }],
    ['of a runtime that tells no more', { ...ofPod, info: '' }, { networkNamespace: null }],
    ['with information that is no JSON', { ...ofPod, info: '{"runtimeSpec":' }, { networkNamespace: null }],
    ['with information of another form', { ...ofPod, info: '{"runtimeSpec":{"linux":7}}' }, { networkNamespace: null }],
    [
      'whose namespace has no name',
      { ...ofPod, info: info.replace('/var/run/netns/cni-1', '/proc/4711/ns/net') },
      { networkNamespace: null },
    ],
    [
      'with what is no address',
      { ...ofPod, addresses: ['10.244.1.2/24', 'fd00::2%eth0', 'x'.repeat(1000)] },
      { addresses: [] },
    ],
  ] as const)('%s', async (_, status, network) => {
    const part = await runtimeOf(() => [listed('aaa')], { aaa: status }).read();
    expect(part).toMatchObject({ value: { sandboxes: { first: [{ network }] } } });
  });

  it('are in the same order each time, those that have ended last, and of these no network is told', async () => {
    const ended = listed('aaa', { ready: false });
    const runtime = runtimeOf(() => [ended, listed('ccc'), listed('bbb')], { aaa: ofPod, bbb: ofPod });
    const part = await runtime.read();
    const told = part.state === 'ok' ? part.value.sandboxes.first : [];
    expect(told.map(({ id, ready, network }) => [id, ready, network?.of])).toEqual([
      ['bbb', true, 'pod'],
      ['ccc', true, undefined],
      ['aaa', false, undefined],
    ]);
  });

  it('are asked for one by one only once, and in vain those last that gave no answer', async () => {
    const asked: (readonly string[])[] = [];
    let sandboxes = [listed('aaa'), listed('bbb')];
    const runtime = runtimeOf(() => sandboxes, { bbb: ofPod, ccc: ofPod }, asked);
    await runtime.read();
    sandboxes = [listed('aaa'), listed('bbb', { ready: false }), listed('ccc')];
    await runtime.read();
    sandboxes = [listed('aaa'), listed('ccc')];
    await runtime.read();
    sandboxes = [listed('aaa'), listed('bbb'), listed('ccc')];
    await runtime.read();
    expect(asked).toEqual([['aaa', 'bbb'], ['ccc', 'aaa'], ['aaa'], ['bbb', 'aaa']]);
  });

  it('are cut at two thousand, of which five hundred are asked for in one reading', async () => {
    const asked: (readonly string[])[] = [];
    const many = Array.from({ length: 2001 }, (_, at) => listed(`sandbox-${String(at).padStart(4, '0')}`));
    const runtime = runtimeOf(() => many, {}, asked);
    const part = await runtime.read();
    const { total = 0, first = [] } = part.state === 'ok' ? part.value.sandboxes : {};
    expect([total, first.length, asked[0]?.length]).toEqual([2001, 2000, 500]);
  });

  it('with texts of any length are cut to what a report takes', async () => {
    const long = 'x'.repeat(10_000);
    const runtime = runtimeOf(() => [listed(long, { namespace: long, name: long, uid: long })]);
    const part = await runtime.read();
    const [first] = part.state === 'ok' ? part.value.sandboxes.first : [];
    expect([first?.id, first?.namespace, first?.name, first?.uid].map((text) => text?.length)).toEqual([
      64, 253, 253, 64,
    ]);
  });

  it('are absent where the user has not turned it on, and a failure where nobody answers', async () => {
    const message = '/run/containerd/containerd.sock does not exist';
    const silent = { ...scriptedHost({}), sandboxes: async () => ({ ok: false, kind: 'absent', message }) as const };
    expect([
      await new SandboxesReader(scriptedHost({}), now).read(),
      await new SandboxesReader(silent, now).read(),
    ]).toEqual([{ state: 'absent' }, { state: 'failed', reason: message }]);
  });
});
