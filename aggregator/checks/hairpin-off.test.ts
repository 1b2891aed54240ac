import { describe, expect, it } from 'vitest';
import { cluster, service, slice } from '../../test/builders.ts';
import { link, settings } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { vethOf, type WiredSketch, wiredNode } from '../../test/wired-node.ts';
import { hairpinOff } from './hairpin-off.ts';

const bridge = link('cni0', { kind: 'bridge' });
const off = [bridge, vethOf(0, 'bridge', { hairpin: false }), vethOf(1, 'bridge')];
const { services, endpointSlices } = cluster(
  [service('shop/web').port(80)],
  [slice('shop/web').port(80).ready('10.244.1.2')],
);
const snapshot = { services: services.map((one) => ({ ...one, selector: { app: 'web' } })), endpointSlices };
const told = (sketch: WiredSketch) =>
  hairpinOff.evaluate(wiredNode({ snapshot, ...sketch })).map(({ summary }) => summary);

describe('hairpin-off', () => {
  it('an endpoint on a port without hairpin mode', () => {
    expect(told({ links: off })).toEqual(['1 pod of node-a cannot reach itself through its own Service: shop/web-0.']);
  });

  it.each<readonly [string, WiredSketch]>([
    ['ports in hairpin mode', {}],
    ['a promiscuous bridge', { links: [{ ...bridge, promiscuous: true }, ...off.slice(1)] }],
    ['a pod that is no endpoint', { links: [bridge, vethOf(0, 'bridge'), vethOf(1, 'bridge', { hairpin: false })] }],
    ['ptp', { plugin: 'ptp' }],
    [
      'a bridge whose packets do not meet the rules',
      { links: off, parts: { networkSettings: reported(settings({ bridgeCallsIptables: false })) } },
    ],
  ])('nothing of %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
