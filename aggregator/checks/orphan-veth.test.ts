import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { link, listed } from '../../test/network-builders.ts';
import { networkOf, resultOf, sandboxOf, vethOf, webPod, type WiredSketch, wiredNode } from '../../test/wired-node.ts';
import { orphanVeth } from './orphan-veth.ts';

const told = (sketch: WiredSketch) => orphanVeth.evaluate(wiredNode(sketch)).map(({ summary }) => summary);
const ofPtp = ['10.244.1.2/32 dev veth0', '10.244.1.3/32 dev veth1'];
/** The kubelet's name for it is a digest of its file. */
const ofFile = { namespace: 'shop', name: 'web-0', uid: '9d5f0c7f7f8f5b6a4c3d2e1f0a9b8c7d' };
const ofPodman = resultOf(7, 'bridge', { network: 'podman', pod: { namespace: 'db', name: 'db', uid: null } });

describe('orphan-veth', () => {
  it('the link of a pod that is gone', () => {
    expect(told({ pods: [webPod(1)], networks: [networkOf(1)] })).toEqual([
      'node-a has veth0 left over: it was made for shop/web-0, which is gone.',
    ]);
  });

  it('the link of a pod that has a successor of the same name', () => {
    expect(told({ pods: [webPod(0, { uid: 'another' }), webPod(1)], networks: [networkOf(1)] })).toEqual([
      'node-a has veth0 left over: it was made for shop/web-0, which is gone.',
    ]);
  });

  it.each([{ uid: 'another' }, { uid: '', pod: { namespace: 'shop', name: 'web-0' } }])(
    'the link of a pod whose successor of the same name runs here, as that of a StatefulSet: %j',
    (known) => {
      const held = { link: 'eth0', address: address('10.244.1.9'), prefixLength: 24 };
      const successor = networkOf(0, { ...known, containers: [sandboxOf(9)], addresses: [held] });
      const pods = [webPod(0, { uid: 'another', addresses: [held.address] }), webPod(1)];
      expect(told({ pods, networks: [successor, networkOf(1)] })).toEqual([
        'node-a has veth0 left over: it was made for shop/web-0, which is gone.',
      ]);
    },
  );

  it('a route to an address that no pod has (ptp)', () => {
    const results = listed([resultOf(1, 'ptp')]);
    expect(
      told({ plugin: 'ptp', pods: [webPod(1)], networks: [networkOf(1)], cni: { results }, routes: ofPtp }),
    ).toEqual(['node-a has veth0 left over: its route leads to 10.244.1.2, which no pod has.']);
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
    [
      'a record whose link is gone as well',
      { pods: [webPod(1)], networks: [networkOf(1)], links: [vethOf(1, 'bridge')] },
    ],
    ['a pod that was deleted by force and still runs', { pods: [webPod(1)] }],
    [
      'a static pod, whose UID on the node is not that of the API',
      {
        cni: { results: listed([resultOf(0, 'bridge', { pod: ofFile }), resultOf(1, 'bridge')]) },
        networks: [networkOf(0, { uid: ofFile.uid, containers: [] }), networkOf(1)],
      },
    ],
    [
      'the same where processes are not seen',
      {
        cni: { results: listed([resultOf(0, 'bridge', { pod: ofFile }), resultOf(1, 'bridge')]) },
        parts: { podNetworks: { state: 'absent' } },
      },
    ],
    [
      "a container of Podman's, which names itself in place of a pod",
      {
        links: [vethOf(0, 'bridge'), vethOf(1, 'bridge'), vethOf(7, 'bridge', { master: 'cni-podman0' })],
        cni: { results: listed([resultOf(0, 'bridge'), resultOf(1, 'bridge'), ofPodman]) },
      },
    ],
    [
      'the route of a pod that was deleted by force and still runs',
      { plugin: 'ptp', pods: [webPod(1)], cni: { results: listed([resultOf(1, 'ptp')]) }, routes: ofPtp },
    ],
    ['the route of an address outside of the range', { plugin: 'ptp', routes: [...ofPtp, '192.0.2.9/32 dev veth1'] }],
  ])('nothing of %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
