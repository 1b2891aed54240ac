import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { listed } from '../../test/network-builders.ts';
import { resultOf, webPod, type WiredSketch, wiredNode } from '../../test/wired-node.ts';
import { podRouteMisdirected } from './pod-route-misdirected.ts';

const ofBridge = '10.244.1.0/24 dev cni0 proto kernel scope link';
const everywhere = 'default via 192.168.100.1 dev eth0';
const told = (sketch: WiredSketch) =>
  podRouteMisdirected.evaluate(wiredNode(sketch)).map(({ summary, remediation }) => [summary, remediation[0]?.command]);

describe('pod-route-misdirected', () => {
  it('a longer route leads past the bridge', () => {
    expect(told({ routes: [everywhere, ofBridge, '10.244.1.2/32 dev eth0'] })).toEqual([
      [
        'Packets for shop/web-0 (10.244.1.2) on node-a go to eth0 in place of cni0.',
        'ip route del 10.244.1.2/32 dev eth0 table main',
      ],
    ]);
  });

  it("the route leads to another pod's link (ptp)", () => {
    expect(told({ plugin: 'ptp', routes: ['10.244.1.2/32 dev veth1', '10.244.1.3/32 dev veth1'] })).toEqual([
      [
        'Packets for shop/web-0 (10.244.1.2) on node-a go to veth1 in place of veth0.',
        'ip route del 10.244.1.2/32 dev veth1 table main',
      ],
    ]);
  });

  it.each<readonly [string, WiredSketch]>([
    ['sound pods', {}],
    ['sound pods of ptp', { plugin: 'ptp' }],
    [
      'a pod that Multus has joined to a network of the node itself',
      {
        pods: [webPod(0, { addresses: [address('192.168.5.7')] }), webPod(1)],
        cni: {
          results: listed([
            resultOf(0, 'bridge', { addresses: [address('192.168.5.7')], nodeLinks: [] }),
            resultOf(1, 'bridge'),
          ]),
        },
        routes: [everywhere, ofBridge, '192.168.5.0/24 dev eth0'],
      },
    ],
    ['a pod without a route, which is told by another', { plugin: 'ptp', routes: [everywhere] }],
    [
      'two pods with one address, which is told by another',
      {
        plugin: 'ptp',
        routes: ['10.244.1.3/32 dev veth1'],
        pods: [webPod(0, { addresses: [address('10.244.1.3')] }), webPod(1)],
      },
    ],
  ])('nothing of %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
