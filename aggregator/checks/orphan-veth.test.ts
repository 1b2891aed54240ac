import { describe, expect, it } from 'vitest';
import { link, listed } from '../../test/network-builders.ts';
import { resultOf, vethOf, webPod, type WiredSketch, wiredNode } from '../../test/wired-node.ts';
import { orphanVeth } from './orphan-veth.ts';

const told = (sketch: WiredSketch) => orphanVeth.evaluate(wiredNode(sketch)).map(({ summary }) => summary);
const ofPtp = ['10.244.1.2/32 dev veth0', '10.244.1.3/32 dev veth1'];

describe('orphan-veth', () => {
  it('the link of a pod that is gone', () => {
    expect(told({ pods: [webPod(1)] })).toEqual([
      'node-a has veth0 left over: it was made for shop/web-0, which is gone.',
    ]);
  });

  it('the link of a pod that has a successor of the same name', () => {
    expect(told({ pods: [webPod(0, { uid: 'another' }), webPod(1)] })).toEqual([
      'node-a has veth0 left over: it was made for shop/web-0, which is gone.',
    ]);
  });

  it('a route to an address that no pod has (ptp)', () => {
    const results = listed([resultOf(1, 'ptp')]);
    expect(told({ plugin: 'ptp', pods: [webPod(1)], cni: { results }, routes: ofPtp })).toEqual([
      'node-a has veth0 left over: its route leads to 10.244.1.2, which no pod has.',
    ]);
  });

  it.each<readonly [string, WiredSketch]>([
    ['a sound node', {}],
    [
      "Docker's link, which no record names",
      { links: [vethOf(0, 'bridge'), vethOf(1, 'bridge'), link('vethd0ck3r', { kind: 'veth', master: 'docker0' })] },
    ],
    [
      'a pod that has moved, where the record has no UID',
      {
        pods: [webPod(0, { nodeName: 'node-b' }), webPod(1)],
        cni: { results: listed([resultOf(0, 'bridge', { pod: { namespace: 'shop', name: 'web-0', uid: null } })]) },
      },
    ],
    ['a record whose link is gone as well', { pods: [webPod(1)], links: [vethOf(1, 'bridge')] }],
    ['the route of an address outside of the range', { plugin: 'ptp', routes: [...ofPtp, '192.0.2.9/32 dev veth1'] }],
  ])('nothing of %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
