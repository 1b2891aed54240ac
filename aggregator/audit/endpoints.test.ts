import { describe, expect, it } from 'vitest';
import type { SliceBuilder } from '../../test/builders.ts';
import { cluster, service, slice } from '../../test/builders.ts';
import type { EndpointUse, NodePlace } from './endpoints.ts';
import { chooseEndpoints } from './endpoints.ts';
import { servedPorts } from './service-ports.ts';

const nodeA: NodePlace = { nodeName: 'node-a', zone: 'zone-1', nodeHints: true };
const clusterOnly: EndpointUse = { internalLocal: false, externalLocal: false, external: false };
const externalLocal: EndpointUse = { internalLocal: false, externalLocal: true, external: true };
const internalLocal: EndpointUse = { internalLocal: true, externalLocal: false, external: false };

const web = slice('shop/web').port(8080);
const onA = { node: 'node-a' };
const onB = { node: 'node-b' };

function choose(endpoints: SliceBuilder, use: EndpointUse, place: NodePlace = nodeA) {
  const [served] = servedPorts(cluster([service('shop/web').port(80)], [endpoints]), 'ipv4');
  return chooseEndpoints(served?.endpoints ?? [], use, place);
}

describe('policy Cluster', () => {
  it('uses the ready endpoints of all nodes, sorted by text', () => {
    const endpoints = web
      .ready('10.244.2.2', onB)
      .unready('10.244.1.9', onA)
      .ready('10.244.10.2')
      .ready('10.244.1.2', onA);
    expect(choose(endpoints, clusterOnly)).toEqual({
      cluster: ['10.244.1.2:8080', '10.244.10.2:8080', '10.244.2.2:8080'],
      local: [],
      hasAny: true,
      hasInternal: true,
      hasExternal: true,
    });
  });

  it('leaves terminating endpoints out while one is ready', () => {
    expect(choose(web.terminating('10.244.1.2', onA).ready('10.244.2.2', onB), clusterOnly).cluster).toEqual([
      '10.244.2.2:8080',
    ]);
  });

  it('falls back to all that are terminating but serve, whatever their hints', () => {
    const hinted = { zoneHints: ['zone-2'] };
    const endpoints = web.terminating('10.244.1.2', hinted).terminating('10.244.2.2', onB).unready('10.244.3.2');
    expect(choose(endpoints, clusterOnly)).toMatchObject({
      cluster: ['10.244.1.2:8080', '10.244.2.2:8080'],
      hasAny: true,
    });
  });

  it('has nothing when no endpoint is ready or terminating', () => {
    expect(choose(web.unready('10.244.1.2', onA), clusterOnly)).toEqual({
      cluster: [],
      local: [],
      hasAny: false,
      hasInternal: false,
      hasExternal: false,
    });
  });
});

describe('external policy Local', () => {
  it('keeps a cluster set for the cluster IP beside the local one', () => {
    expect(choose(web.ready('10.244.1.2', onA).ready('10.244.2.2', onB), externalLocal)).toEqual({
      cluster: ['10.244.1.2:8080', '10.244.2.2:8080'],
      local: ['10.244.1.2:8080'],
      hasAny: true,
      hasInternal: true,
      hasExternal: true,
    });
  });

  it('has no external endpoint on a node without one', () => {
    expect(choose(web.ready('10.244.2.2', onB), externalLocal)).toEqual({
      cluster: ['10.244.2.2:8080'],
      local: [],
      hasAny: true,
      hasInternal: true,
      hasExternal: false,
    });
  });

  it('uses a terminating endpoint here although others are ready elsewhere', () => {
    expect(choose(web.terminating('10.244.1.2', onA).ready('10.244.2.2', onB), externalLocal)).toEqual({
      cluster: ['10.244.2.2:8080'],
      local: ['10.244.1.2:8080'],
      hasAny: true,
      hasInternal: true,
      hasExternal: true,
    });
  });

  it('pays no heed to hints in the local set', () => {
    const endpoints = web
      .ready('10.244.1.2', { ...onA, zoneHints: ['zone-2'] })
      .ready('10.244.2.2', { ...onB, zoneHints: ['zone-1'] });
    expect(choose(endpoints, externalLocal)).toMatchObject({
      cluster: ['10.244.2.2:8080'],
      local: ['10.244.1.2:8080'],
    });
  });
});

describe('internal policy Local without any address from outside', () => {
  it('has no cluster set, and knows that another node could serve', () => {
    expect(choose(web.ready('10.244.2.2', onB), internalLocal)).toEqual({
      cluster: [],
      local: [],
      hasAny: true,
      hasInternal: false,
      hasExternal: true,
    });
  });

  it('has nothing anywhere when no endpoint is usable', () => {
    expect(choose(web.unready('10.244.1.2', onA), internalLocal)).toMatchObject({ hasAny: false, hasInternal: false });
  });
});

describe('topology hints', () => {
  const zoned = web
    .ready('10.244.1.2', { zoneHints: ['zone-1'], nodeHints: ['node-a'] })
    .ready('10.244.2.2', { zoneHints: ['zone-2'], nodeHints: ['node-b'] })
    .ready('10.244.3.2', { zoneHints: ['zone-1'], nodeHints: ['node-c'] });

  it('for nodes come first', () => {
    expect(choose(zoned, clusterOnly).cluster).toEqual(['10.244.1.2:8080']);
  });

  it('for nodes do not count before v1.34: the zone decides', () => {
    const before = { ...nodeA, nodeHints: false };
    expect(choose(zoned, clusterOnly, before).cluster).toEqual(['10.244.1.2:8080', '10.244.3.2:8080']);
  });

  it('for the zone decide when none is for this node', () => {
    const nodeX = { ...nodeA, nodeName: 'node-x' };
    expect(choose(zoned, clusterOnly, nodeX).cluster).toEqual(['10.244.1.2:8080', '10.244.3.2:8080']);
  });

  it('do not count when none is for this node or zone', () => {
    const elsewhere = { ...nodeA, nodeName: 'node-x', zone: 'zone-9' };
    expect(choose(zoned, clusterOnly, elsewhere).cluster).toHaveLength(3);
    expect(choose(zoned, clusterOnly, { ...elsewhere, zone: null }).cluster).toHaveLength(3);
  });

  it('do not count as soon as one ready endpoint has none', () => {
    expect(choose(zoned.ready('10.244.4.2'), clusterOnly).cluster).toHaveLength(4);
  });

  it('may be absent from endpoints that are not ready', () => {
    expect(choose(zoned.unready('10.244.4.2').terminating('10.244.5.2'), clusterOnly).cluster).toEqual([
      '10.244.1.2:8080',
    ]);
  });

  it('for nodes on all but one endpoint leave the decision to the zone', () => {
    const endpoints = zoned.ready('10.244.4.2', { zoneHints: ['zone-1'] });
    expect(choose(endpoints, clusterOnly).cluster).toEqual(['10.244.1.2:8080', '10.244.3.2:8080', '10.244.4.2:8080']);
  });
});
