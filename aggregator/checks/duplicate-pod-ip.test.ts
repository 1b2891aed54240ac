import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { numberedNode } from '../../test/network-builders.ts';
import { objects } from '../../test/view-builders.ts';
import { webPod } from '../../test/wired-node.ts';
import type { Pod } from '../model/cluster.ts';
import { duplicatePodIp } from './duplicate-pod-ip.ts';

const told = (...pods: readonly Pod[]) =>
  duplicatePodIp.evaluate({ nodes: [], objects: objects({ pods }) }).map(({ subject, summary }) => [subject, summary]);
const twin = (changes: Partial<Pod> = {}) => webPod(1, { addresses: [address('10.244.1.2')], ...changes });

describe('duplicate-pod-ip', () => {
  it('two live pods have one address, on one node or on two', () => {
    const subject = { kind: 'Address', name: '10.244.1.2' };
    expect(told(webPod(0), twin())).toEqual([
      [
        subject,
        'shop/web-0 and shop/web-1 on node-a have the same address 10.244.1.2: packets for one reach the other.',
      ],
    ]);
    expect(told(webPod(0), twin({ nodeName: 'node-b' }))).toEqual([
      [
        subject,
        'shop/web-0 and shop/web-1 on node-a and node-b have the same address 10.244.1.2: packets for one reach the other.',
      ],
    ]);
  });

  it.each([
    ['has ended', { phase: 'Failed' }],
    ['has succeeded', { phase: 'Succeeded' }],
    ['is being deleted', { terminating: true }],
    ["is in the node's network", { hostNetwork: true }],
    ['has to have its sandbox made anew', { sandboxReady: false }],
    ['names its address twice', { addresses: [address('10.244.1.9'), address('10.244.1.9')] }],
  ] as const)('nothing where the other %s', (_, changes) => {
    expect(told(webPod(0), twin(changes))).toEqual([]);
  });

  it.each([
    ['is gone', []],
    ['is not ready', [numberedNode(2, { ready: false })]],
  ])('nothing where the node of the other %s', (_, others) => {
    const nodes = [numberedNode(1), ...others];
    const pods = [webPod(0), twin({ nodeName: 'node-b' })];
    expect(duplicatePodIp.evaluate({ nodes: [], objects: objects({ nodes, pods }) })).toEqual([]);
  });

  it('nothing of a virtual machine that moves', () => {
    const labels = { 'kubevirt.io': 'virt-launcher' };
    expect(told(webPod(0, { labels }), twin({ labels, nodeName: 'node-b' }))).toEqual([]);
  });
});
