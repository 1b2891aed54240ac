import { describe, expect, it } from 'vitest';
import { address, prefix } from '../../test/builders.ts';
import { cniFiles, listed } from '../../test/network-builders.ts';
import { networkOf, sandboxOf, webPod, type WiredSketch, wiredFiles, wiredNode } from '../../test/wired-node.ts';
import { ipamLeak } from './ipam-leak.ts';

const reserved = (last: number, container: string) => ({
  network: 'cbr0',
  address: address(`10.244.1.${last}`),
  container,
  link: 'eth0',
});
const known = wiredFiles('bridge').reservations.first;
const gone = 'f'.repeat(64);
const evaluate = (sketch: WiredSketch) => ipamLeak.evaluate(wiredNode(sketch));

describe('ipam-leak', () => {
  it('a reservation of a sandbox that is gone', () => {
    const [told] = evaluate({ cni: { reservations: listed([...known, reserved(9, gone)]) } });
    expect([told?.summary, told?.severity, told?.remediation.map(({ command }) => command)]).toEqual([
      '1 address of node-a is reserved for pods that are gone: 10.244.1.9.',
      undefined,
      ['crictl pods --no-trunc -q | grep -e fffffffffffff', 'cd /var/lib/cni/networks/cbr0 && rm 10.244.1.9'],
    ]);
  });

  it('is critical where the range is nearly used up, and then accounts for pods that wait', () => {
    const leaked = Array.from({ length: 240 }, (_, at) => reserved(at + 10, gone));
    const { configurations } = cniFiles('10-lab.conflist', { type: 'bridge', ranges: [prefix('10.244.1.0/24')] });
    const [told] = evaluate({ cni: { configurations, reservations: listed([...known, ...leaked]) } });
    expect([told?.summary, told?.severity, told?.explainsTopics]).toEqual([
      '240 addresses of node-a are reserved for pods that are gone: 10.244.1.10, 10.244.1.11, 10.244.1.12 and 237 more; 242 of 253 are given away.',
      'critical',
      'all',
    ]);
  });

  const one = { reservations: listed([...known, reserved(9, gone)]) };
  it.each<readonly [string, WiredSketch]>([
    ['a sound node', {}],
    [
      "a container of nerdctl's",
      { cni: { reservations: listed([...known, { ...reserved(9, gone), network: 'bridge' }]) } },
    ],
    [
      'a sandbox that is tried again and again, as long as there are addresses',
      { cni: one, pods: [webPod(0), webPod(1), webPod(7, { phase: 'Pending', addresses: [] })] },
    ],
    [
      'a host-local that was told another folder since',
      {
        cni: {
          ...one,
          ...{ configurations: cniFiles('10-lab.conflist', { type: 'ptp', stateFolder: '/run/ipam' }).configurations },
        },
      },
    ],
    ['a container that lives', { cni: { reservations: listed([...known, reserved(9, sandboxOf(1))]) } }],
    ['an address that a pod has, whose process is not seen', { cni: one, pods: [webPod(0), webPod(1), webPod(7)] }],
    ['a file that names no container', { cni: { reservations: listed([reserved(9, '')]) } }],
    [
      'a node of which not all pods were seen',
      {
        cni: one,
        parts: {
          podNetworks: {
            state: 'ok',
            value: { pods: listed([networkOf(0)]), unread: 1, problem: 'gone' },
            collectedAt: '',
          },
        },
      },
    ],
    ['records that were cut', { cni: { ...one, results: { total: 3000, first: [] } } }],
  ])('nothing of %s', (_, sketch) => {
    expect(evaluate(sketch)).toEqual([]);
  });
});
