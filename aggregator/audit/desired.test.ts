import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tableDigest } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { address, known, service, slice, unknown } from '../../test/builders.ts';
import { both, desired, here, tableOf, web } from '../../test/desired-in-short.ts';
import { isSupportedMode } from './desired.ts';

const here8080 = '10.244.1.2:8080';

describe('an address and port that two Services ask for', () => {
  const first = web.externalIP('198.51.100.50');
  const second = service('shop/api').clusterIP('10.96.0.2').port(80).externalIP('198.51.100.50');
  const key = 'tcp 198.51.100.50:80' as FrontendKey;
  const apiSlice = slice('shop/api').port(9090).ready('10.244.1.3');

  it('is unknown, since no one knows the order of their rules', () => {
    expect(tableOf({ services: [first, second], slices: [here, apiSlice] })[key]).toBe('unknown asked-twice');
  });

  it('is what both want when they want the same', () => {
    expect(tableOf({ services: [first, second] })[key]).toEqual(['pod: reject', 'node: none', 'outside: reject']);
  });

  it('belongs to the first of them by name, in whatever order they come', () => {
    const owner = { namespace: 'shop', name: 'api', portName: '', protocol: 'tcp', kind: 'externalIP' };
    expect(desired({ services: [first, second] }).owners.get(key)).toEqual(owner);
    expect(desired({ services: [second, first] }).owners.get(key)).toEqual(owner);
  });
});

describe('a dual-stack Service', () => {
  const dual = web
    .having({ clusterIPs: { ipv4: address('10.96.0.1'), ipv6: address('fd00:10:96::1') } })
    .nodePort(30080);
  const six = slice('shop/web').named('web-6').port(8080).ready('fd00:10:244:1::2');

  it('has its frontends in both families, and an owner for each', () => {
    const localAddresses = known(['192.168.100.11', 'fd00:100::11'].map(address));
    const given = {
      services: [dual],
      slices: [here, six],
      profile: { families: ['ipv4', 'ipv6'], localAddresses },
    } as const;
    expect([...desired(given).owners].map(([key, { kind }]) => [key, kind])).toEqual([
      ['tcp 10.96.0.1:80', 'clusterIP'],
      ['tcp node4:30080', 'nodePort'],
      ['tcp [fd00:10:96::1]:80', 'clusterIP'],
      ['tcp node6:30080', 'nodePort'],
    ]);
    expect(tableOf(given)['tcp node6:30080']).toBe('[fd00:10:244:1::2]:8080 masquerade=always');
  });
});

describe('the name of the node', () => {
  it('is the one kube-proxy goes by, when that is known', () => {
    const local = web.internalLocal();
    const named = slice('shop/web').port(8080).ready('10.244.1.2', { node: 'host-a' });
    expect(tableOf({ services: [local], slices: [named] })).toEqual({ 'tcp 10.96.0.1:80': 'drop' });
    const nodeName = known('host-a');
    expect(tableOf({ services: [local], slices: [named], profile: { nodeName, masqueradeAll: known(true) } })).toEqual({
      'tcp 10.96.0.1:80': `${here8080} masquerade=always`,
    });
  });

  it("is the Node's otherwise", () => {
    const given = { services: [web.internalLocal()], slices: [both], profile: { nodeName: unknown<string>() } };
    expect(desired(given).table.get('tcp 10.96.0.1:80' as FrontendKey)?.forwarding.pod.route).toMatchObject({
      backends: [here8080],
    });
  });
});

describe('the order in which the API lists its objects', () => {
  const services = [
    web.nodePort(30080).externalIP('198.51.100.50').loadBalancerIP('198.51.100.50').sourceRange('10.0.0.0/8'),
    service('shop/api').clusterIP('10.96.0.2').port(80).externalIP('198.51.100.50').externalIP('198.51.100.51'),
    service('edge/api').clusterIP('10.96.0.3').port(80).externalIP('198.51.100.51'),
  ];
  const slices = [
    both,
    slice('shop/web').named('web-2').port(8080).terminating('10.244.1.2').ready('10.244.3.2'),
    slice('shop/web').named('web-3').port(8080).ready('10.244.3.2', { node: 'node-a' }).unready('10.244.2.2'),
    slice('edge/api').port(80).ready('10.244.4.2'),
  ];

  it('changes neither the table nor the owners', () => {
    const listed = desired({ services, slices });
    const inAnyOrder = fc.record({
      services: fc.shuffledSubarray(services, { minLength: services.length }),
      slices: fc.shuffledSubarray(slices, { minLength: slices.length }),
    });
    fc.assert(
      fc.property(inAnyOrder, (given) => {
        const shuffled = desired(given);
        expect(tableDigest(shuffled.table)).toBe(tableDigest(listed.table));
        expect(new Map([...shuffled.owners].sort())).toEqual(new Map([...listed.owners].sort()));
      }),
      { seed: 1, numRuns: 100 },
    );
  });
});

describe('the modes', () => {
  it('that can be computed are those of kube-proxy', () => {
    const modes = ['iptables', 'nftables', 'ipvs', 'cilium', 'ebpf', 'none'] as const;
    expect(modes.filter(isSupportedMode)).toEqual(['iptables', 'nftables', 'ipvs']);
  });
});
