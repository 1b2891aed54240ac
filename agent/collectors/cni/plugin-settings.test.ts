import { describe, expect, it } from 'vitest';
import { readPlugin } from './plugin-settings.ts';

const nothing = {
  type: '',
  ipam: null,
  delegates: [],
  ranges: [],
  bridge: null,
  mtu: null,
  hairpin: null,
  stateFolder: null,
};

describe('the settings of a CNI plugin', () => {
  it('of bridge and host-local are its bridge, its MTU, and the ranges of all sets', () => {
    const ipam = {
      type: 'host-local',
      dataDir: '/run/ipam',
      ranges: [[{ subnet: '10.1.0.0/24' }, { subnet: '10.2.0.7/24' }], [{ subnet: 'fd00:1::/64' }]],
    };
    expect(readPlugin({ type: 'bridge', bridge: 'cni0', mtu: 1450, hairpinMode: true, ipam })).toEqual({
      ...nothing,
      type: 'bridge',
      ipam: 'host-local',
      ranges: ['10.1.0.0/24', '10.2.0.0/24', 'fd00:1::/64'],
      bridge: 'cni0',
      mtu: 1450,
      hairpin: true,
      stateFolder: '/run/ipam',
    });
  });

  it('of an older host-local are its one range', () => {
    expect(readPlugin({ type: 'ptp', ipam: { type: 'host-local', subnet: '10.1.0.0/24' } })).toEqual({
      ...nothing,
      type: 'ptp',
      ipam: 'host-local',
      ranges: ['10.1.0.0/24'],
    });
  });

  it('of flannel are those that it hands on', () => {
    expect(readPlugin({ type: 'flannel', delegate: { hairpinMode: true, type: 'ptp', mtu: 1400 } })).toEqual({
      ...nothing,
      type: 'flannel',
      delegates: ['ptp'],
      hairpin: true,
      mtu: 1400,
    });
  });

  it('of Multus are the plugins that it calls, those in lists too', () => {
    const delegates = [{ type: 'calico' }, { name: 'x', plugins: [{ type: 'flannel' }, { type: 'portmap' }] }];
    expect(readPlugin({ type: 'multus', delegates })).toEqual({
      ...nothing,
      type: 'multus',
      delegates: ['calico', 'flannel', 'portmap'],
    });
  });

  it.each([
    ['no object', 7],
    ['nothing', null],
    ['settings of other kinds', { type: 7, bridge: {}, mtu: '1450', hairpinMode: 'yes', ipam: 'host-local' }],
    ['an MTU that cannot be', { mtu: -1, ipam: { ranges: ['10.0.0.0/8', [7]], subnet: '10.0.0/24' } }],
  ])('%s tells nothing', (_situation, plugin) => {
    expect(readPlugin(plugin)).toEqual(nothing);
  });

  it('that are endless are cut', () => {
    const ranges = Array.from({ length: 500 }, (_, i) => [{ subnet: `10.${i >> 8}.${i & 255}.0/24` }]);
    const delegates = Array.from({ length: 500 }, () => ({ type: 'x'.repeat(1000) }));
    const read = readPlugin({ type: 'a', bridge: 'b'.repeat(100), delegates, ipam: { ranges } });
    expect([read.ranges.length, read.delegates.length, read.bridge]).toEqual([64, 20, 'bbbbbbbbbbbb...']);
    expect(read.delegates[0]).toBe(`${'x'.repeat(253)}...`);
  });

  it('are told without any credential', () => {
    const kubernetes = { kubeconfig: '/etc/cni/net.d/calico-kubeconfig', k8s_auth_token: 'eyJhbGciOi' };
    expect(readPlugin({ type: 'calico', kubernetes, policy: { k8s_auth_token: 'eyJhbGciOi' } })).toEqual({
      ...nothing,
      type: 'calico',
    });
  });
});
