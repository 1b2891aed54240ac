import { describe, expect, it } from 'vitest';
import { service, type ServiceBuilder, slice, type SliceBuilder } from '../../test/builders.ts';
import { both, here, web } from '../../test/desired-in-short.ts';
import { ServiceState } from './service-state.ts';

function dependsOnNode(one: ServiceBuilder, ...slices: readonly SliceBuilder[]): boolean {
  return new ServiceState(
    one.built,
    slices.map(({ built }) => built),
  ).dependsOnNode;
}

describe('what a Service asks is the same of all nodes of a class', () => {
  it('with policy Cluster and without hints and outside addresses, wherever its endpoints are', () => {
    expect(dependsOnNode(web, both)).toBe(false);
    expect(dependsOnNode(web.nodePort(30080).affinity(10), both)).toBe(false);
    expect(dependsOnNode(web.sourceRange('10.0.0.0/8'), both)).toBe(false);
  });

  it('with policy Local for traffic that it does not have', () => {
    expect(dependsOnNode(web.externalLocal(), both)).toBe(false);
  });

  it('with policy Local while it has no endpoint on any node', () => {
    expect(dependsOnNode(web.internalLocal())).toBe(false);
  });

  it('when nodes do not serve it', () => {
    const others = [
      web.having({ otherProxy: true }),
      web.having({ clusterIPs: {} }),
      web.having({ type: 'ExternalName' }),
    ];
    expect(others.map((one) => dependsOnNode(one.internalLocal(), both))).toEqual([false, false, false]);
  });
});

describe('what a Service asks may be another thing of each node', () => {
  it('with policy Local', () => {
    expect(dependsOnNode(web.internalLocal(), here)).toBe(true);
    expect(dependsOnNode(web.nodePort(30080).externalLocal(), here)).toBe(true);
  });

  it('with hints for zones or nodes', () => {
    const hinted = slice('shop/web').port(8080);
    expect(dependsOnNode(web, hinted.ready('10.244.1.2', { zoneHints: ['zone-1'] }))).toBe(true);
    expect(dependsOnNode(web, hinted.ready('10.244.1.2', { nodeHints: ['node-a'] }))).toBe(true);
  });

  it('with an address that may be one of theirs', () => {
    expect(dependsOnNode(web.externalIP('198.51.100.1'))).toBe(true);
    expect(dependsOnNode(service('shop/web').port(80).loadBalancerIP('203.0.113.1').sourceRange('10.0.0.0/8'))).toBe(
      true,
    );
  });

  it('unless that address is not for nodes to serve', () => {
    expect(dependsOnNode(web.loadBalancerIP('203.0.113.1', 'Proxy'))).toBe(false);
  });
});
