import { describe, expect, it } from 'vitest';
import { address, prefix, service, slice } from '../../test/builders.ts';
import type { Endpoint, EndpointSlice, Service } from '../model/cluster.ts';
import { isSameService, withShared } from './same-input.ts';

const web = service('shop/web').port(80).loadBalancerIP('203.0.113.1').built;

describe('two versions of a Service', () => {
  const changes: readonly Partial<Service>[] = [
    { type: 'NodePort' },
    { ports: [] },
    { ports: web.ports.map((port) => ({ ...port, nodePort: 30080 })) },
    { clusterIPs: { ...web.clusterIPs, ipv6: address('fd00:10:96::1') } },
    { externalIPs: [address('198.51.100.1')] },
    { loadBalancerIngress: [{ address: address('203.0.113.1'), ipMode: 'Proxy' }] },
    { loadBalancerSourceRanges: [prefix('10.0.0.0/8')] },
    { internalTrafficPolicy: 'Local' },
    { externalTrafficPolicy: 'Local' },
    { affinitySeconds: 10_800 },
    { otherProxy: true },
  ];

  it.each(changes)('differ in %o', (change) => {
    expect(isSameService(web, { ...web, ...change })).toBe(false);
  });

  it('are the same to nodes, whatever else was written on them', () => {
    const ipv6First = { ipv6: address('fd00:10:96::1'), ipv4: address('10.96.0.1') };
    const ipv4First = { ipv4: address('10.96.0.1'), ipv6: address('fd00:10:96::1') };
    const annotated = {
      ...web,
      uid: 'other',
      annotations: { a: 'b' },
      selector: { app: 'web' },
      clusterIPs: ipv6First,
    };
    expect(isSameService({ ...web, clusterIPs: ipv4First }, annotated)).toBe(true);
  });
});

describe('newer slices', () => {
  const one = slice('shop/web').port(8080).ready('10.244.1.2', { node: 'node-a' }).ready('10.244.2.2');
  const other = slice('shop/web').named('web-2').port(8080).ready('10.244.3.2');
  const older = [one.built, other.built];
  const [first, second] = one.built.endpoints;
  const changed = (change: Partial<Endpoint>): EndpointSlice => ({
    ...one.built,
    endpoints: one.built.endpoints.map((endpoint) =>
      endpoint === first ? { ...endpoint, ...change } : { ...endpoint },
    ),
  });

  it('that say the same are the older ones, whatever their order', () => {
    const newer = structuredClone([other.built, one.built]);
    expect(withShared(older, newer)).toBe(older);
  });

  const changes: readonly Partial<Endpoint>[] = [
    { address: address('10.244.9.9') },
    { nodeName: null },
    { ready: false },
    { serving: false },
    { terminating: true },
    { zoneHints: ['zone-1'] },
    { nodeHints: ['node-a'] },
  ];

  it.each(changes)('differ in %o of an endpoint, and keep all the others', (change) => {
    const [newOne, newOther] = withShared(older, [changed(change), structuredClone(other.built)]);
    expect(newOne).toEqual(changed(change));
    expect(newOne?.endpoints[0]).not.toBe(first);
    expect(newOne?.endpoints[1]).toBe(second);
    expect(newOther).toBe(other.built);
  });

  it('differ when one is there no more, or one is new, or has other ports', () => {
    expect(withShared(older, [other.built])).toEqual([other.built]);
    expect(withShared([other.built], older)).toEqual(older);
    const moved = { ...other.built, ports: [{ name: '', protocol: 'tcp' as const, port: 9090 }] };
    expect(withShared(older, [one.built, moved])).toEqual([one.built, moved]);
  });
});
