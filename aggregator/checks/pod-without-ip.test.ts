import { describe, expect, it } from 'vitest';
import { networkOf, sandboxEvent, webPod, type WiredSketch, wiredFiles, wiredNode } from '../../test/wired-node.ts';
import type { Pod } from '../model/cluster.ts';
import { podWithoutIp } from './pod-without-ip.ts';

const waiting = (changes: Partial<Pod> = {}) =>
  webPod(0, { phase: 'Pending', addresses: [], waitingReason: 'ContainerCreating', ...changes });
const event = sandboxEvent(0);
/** web-1 alone runs. */
const told = (sketch: WiredSketch) =>
  podWithoutIp
    .evaluate(wiredNode({ networks: [networkOf(1)], ...sketch }))
    .map(({ summary, severity }) => [summary, severity ?? 'high']);

describe('pod-without-ip', () => {
  it("joins the Event's reason with what the node shows", () => {
    const [own] = wiredFiles('bridge').configurations;
    const settings = (own?.settings ?? []).flatMap((one) => [one, { ...one, type: 'portmap' }]);
    const configurations = own === undefined ? [] : [{ ...own, settings }];
    const pluginFolders = [{ path: '/opt/cni/bin', executables: ['bridge', 'host-local'] }];
    expect(told({ pods: [waiting()], events: [event], cni: { configurations, pluginFolders } })).toEqual([
      [
        'shop/web-0 has waited for its network on node-a for 60 minutes: the CNI plugin portmap has no executable in /opt/cni/bin; on the node, /opt/cni/bin has no portmap.',
        'high',
      ],
    ]);
  });

  it('is of low severity where Events are not known and the node is sound', () => {
    expect(told({ pods: [waiting()], snapshot: { podEvents: null } })).toEqual([
      ['shop/web-0 has waited for its network on node-a for 60 minutes: no Event says why.', 'low'],
    ]);
  });

  it.each<readonly [string, Partial<Pod>]>([
    ['has waited for a minute', { startedAt: '2026-11-22T07:33:10Z' }],
    ['was not taken on by the kubelet', { startedAt: null }],
    ['has its network, and pulls its image', { sandboxReady: true }],
    ['waits for something behind the network', { waitingReason: 'ImagePullBackOff' }],
    ["is in the node's network", { hostNetwork: true }],
    ['is being deleted', { terminating: true }],
  ])('nothing of a pod that %s', (_, changes) => {
    expect(told({ pods: [waiting(changes)], events: [event] })).toEqual([]);
  });

  it('a pod of before a boot, whose sandbox cannot be made anew', () => {
    expect(told({ pods: [webPod(0, { sandboxReady: false })], events: [event] })).toEqual([
      [
        'shop/web-0 has waited for its network on node-a for 14 minutes: the CNI plugin portmap has no executable in /opt/cni/bin; on the node, portmap is there again.',
        'high',
      ],
    ]);
  });

  it.each<readonly [string, WiredSketch]>([
    ['waits for a volume, or pulls its image', { pods: [waiting()] }],
    ['had no network at first, and pulls its image', { pods: [waiting()], events: [event], networks: [networkOf(0)] }],
    ['had no network long ago', { pods: [waiting()], events: [sandboxEvent(0, { lastAt: '2026-11-22T07:20:00Z' })] }],
    ['pulls its image, with CNI files elsewhere (k3s)', { pods: [waiting()], cni: { configurations: [] } }],
    [
      'has an address',
      { pods: [waiting({ addresses: webPod(0).addresses })], events: [event], networks: [networkOf(0)] },
    ],
    ['was made anew since the Event', { pods: [webPod(0)], events: [event], networks: [networkOf(0)] }],
  ])('nothing of a pod that %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
