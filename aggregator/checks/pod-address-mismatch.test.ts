import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { networkOf, webPod, type WiredSketch, wiredNode } from '../../test/wired-node.ts';
import { podAddressMismatch } from './pod-address-mismatch.ts';

const summaries = (sketch: WiredSketch) => podAddressMismatch.evaluate(wiredNode(sketch)).map(({ summary }) => summary);
const other = { link: 'eth0', address: address('10.244.1.77'), prefixLength: 24 };

describe('pod-address-mismatch', () => {
  it('the address is gone, or is another one', () => {
    const networks = [networkOf(0, { addresses: [] }), networkOf(1, { addresses: [other] })];
    expect(summaries({ networks })).toEqual([
      'shop/web-0 on node-a does not have 10.244.1.2, which the API says it has: its namespace has no address.',
      'shop/web-1 on node-a does not have 10.244.1.3, which the API says it has: its namespace has 10.244.1.77 (eth0).',
    ]);
  });

  it('one of two families is gone', () => {
    const pods = [webPod(0, { addresses: [address('10.244.1.2'), address('fd00::2')] }), webPod(1)];
    expect(summaries({ pods })[0]).toContain('does not have fd00::2,');
  });

  it.each<readonly [string, WiredSketch]>([
    ['a sound pod', {}],
    [
      'further addresses',
      { networks: [networkOf(0, { addresses: [...networkOf(0).addresses, other] }), networkOf(1)] },
    ],
    ["a pod in the node's network", { networks: [networkOf(0, { namespace: 'node', addresses: [] }), networkOf(1)] }],
    [
      'a pod whose runtime has a network stack of its own',
      {
        pods: [webPod(0, { runtimeClass: true }), webPod(1)],
        networks: [networkOf(0, { addresses: [] }), networkOf(1)],
      },
    ],
    [
      'a virtual machine, which has the address itself',
      {
        pods: [webPod(0, { labels: { 'kubevirt.io': 'virt-launcher' } }), webPod(1)],
        networks: [networkOf(0, { addresses: [] }), networkOf(1)],
      },
    ],
    ['a pod that is not seen', { networks: [networkOf(1)] }],
    [
      'a pod in its first minute',
      { pods: [webPod(0, { startedAt: '2026-11-22T07:33:50Z' })], networks: [networkOf(0, { addresses: [] })] },
    ],
    [
      'a pod that has ended',
      { pods: [webPod(0, { phase: 'Succeeded' })], networks: [networkOf(0, { addresses: [] })] },
    ],
  ])('nothing of %s', (_, sketch) => {
    expect(summaries(sketch)).toEqual([]);
  });
});
