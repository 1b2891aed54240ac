import { describe, expect, it } from 'vitest';
import { webPod, type WiredSketch, wiredFiles, wiredNode } from '../../test/wired-node.ts';
import type { Pod, PodEvent } from '../model/cluster.ts';
import { podWithoutIp } from './pod-without-ip.ts';

const waiting = (changes: Partial<Pod> = {}) =>
  webPod(0, { phase: 'Pending', addresses: [], waitingReason: 'ContainerCreating', ...changes });
const event: PodEvent = {
  uid: 'event-0',
  namespace: 'shop',
  name: 'web-0',
  podUid: 'uid-of-web-0',
  nodeName: 'node-a',
  reason: 'FailedCreatePodSandBox',
  message: 'failed to find plugin "portmap" in path [/opt/cni/bin]',
  count: 12,
  firstAt: '2026-11-22T06:40:00Z',
  lastAt: '2026-11-22T07:34:00Z',
};
const told = (sketch: WiredSketch) =>
  podWithoutIp.evaluate(wiredNode(sketch)).map(({ summary, severity }) => [summary, severity ?? 'high']);

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

  it('without an Event, and with a sound node, it is of low severity', () => {
    expect(told({ pods: [waiting()] })).toEqual([
      ['shop/web-0 has waited for its network on node-a for 60 minutes: no Event says why.', 'low'],
    ]);
  });

  it.each<readonly [string, Partial<Pod>]>([
    ['has an address', { addresses: webPod(0).addresses }],
    ['has waited for a minute', { startedAt: '2026-11-22T07:33:10Z' }],
    ['was not taken on by the kubelet', { startedAt: null }],
    ['has its network, and pulls its image', { sandboxReady: true }],
    ['waits for something behind the network', { waitingReason: 'ImagePullBackOff' }],
    ["is in the node's network", { hostNetwork: true }],
    ['is being deleted', { terminating: true }],
  ])('nothing of a pod that %s', (_, changes) => {
    expect(told({ pods: [waiting(changes)], events: [event] })).toEqual([]);
  });
});
