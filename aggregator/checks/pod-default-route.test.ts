import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { networkOf, webPod, type WiredSketch, wiredNode } from '../../test/wired-node.ts';
import { podDefaultRoute } from './pod-default-route.ts';

const summaries = (sketch: WiredSketch) => podDefaultRoute.evaluate(wiredNode(sketch)).map(({ summary }) => summary);
const none = { defaultRoutes: [] };
const told = 'shop/web-0 on node-a reaches nothing beyond its own link: it has no usable default route of IPv4.';
const six = { link: 'eth0', address: address('fd00::2'), prefixLength: 64 };
const both = { addresses: [...networkOf(0).addresses, six] };
const sixRoute = { family: 'ipv6', link: 'eth0', gateway: null, isDead: false } as const;

describe('pod-default-route', () => {
  it.each([
    ['there is none', none],
    [
      'the one there is is dead',
      { defaultRoutes: networkOf(0).defaultRoutes.map((route) => ({ ...route, isDead: true })) },
    ],
  ])('%s', (_, change) => {
    expect(summaries({ networks: [networkOf(0, change), networkOf(1)] })).toEqual([told]);
  });

  it('of IPv6 only where another pod has one', () => {
    const pods = [webPod(0, { addresses: [...webPod(0).addresses, address('fd00::2')] }), webPod(1)];
    const lacking = networkOf(0, both);
    const having = networkOf(1, { ...both, defaultRoutes: [...networkOf(1).defaultRoutes, sixRoute] });
    expect(summaries({ pods, networks: [lacking, networkOf(1)] })).toEqual([]);
    expect(summaries({ pods, networks: [lacking, having] })).toEqual([told.replace('IPv4', 'IPv6')]);
  });

  it.each<readonly [string, WiredSketch]>([
    ['sound pods', {}],
    ['a pod of several networks', { pods: [webPod(0, { severalNetworks: true })], networks: [networkOf(0, none)] }],
    ["a pod in the node's network", { networks: [networkOf(0, { ...none, namespace: 'node' })] }],
    [
      'a virtual machine, which has the route itself',
      { pods: [webPod(0, { labels: { 'kubevirt.io': 'virt-launcher' } })], networks: [networkOf(0, none)] },
    ],
    [
      'Docker in a pod of IPv6 alone',
      {
        pods: [webPod(0, { addresses: [six.address] })],
        networks: [
          networkOf(0, {
            addresses: [six, { link: 'docker0', address: address('172.17.0.1'), prefixLength: 16 }],
            defaultRoutes: [sixRoute],
          }),
        ],
      },
    ],
    [
      'a pod without an address in its namespace, which is told by another',
      { networks: [networkOf(0, { ...none, addresses: [] })] },
    ],
  ])('nothing of %s', (_, sketch) => {
    expect(summaries(sketch)).toEqual([]);
  });
});
