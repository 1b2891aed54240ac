/** Every scenario is what the API server held in recording s1-healthy, with one thing changed where that is said. */
import { describe, expect, it } from 'vitest';
import { recordedSnapshot, withServices } from '../../test/recorded-snapshot.ts';
import { address } from '../../test/builders.ts';
import { objectsOf } from '../audit/objects.ts';
import type { ClusterNode, ClusterSnapshot, Endpoint } from '../model/cluster.ts';
import { subjectText, type Violation } from '../model/finding.ts';
import { topologySkew } from './topology-skew.ts';

const s1 = recordedSnapshot('s1-healthy');

function found(snapshot: ClusterSnapshot): readonly Violation[] {
  return topologySkew.evaluate({ nodes: [], objects: objectsOf(snapshot) });
}

function summaries(snapshot: ClusterSnapshot): readonly (readonly [string, string])[] {
  return found(snapshot).map(({ subject, summary }) => [subjectText(subject), summary]);
}

/** The endpoints of shop/web-zone changed: as recorded, two of zone-1 and one of zone-2, each with its own zone's hint. */
function withEndpoints(change: (endpoints: readonly Endpoint[]) => readonly Endpoint[], from = s1): ClusterSnapshot {
  const endpointSlices = from.endpointSlices.map((slice) =>
    slice.serviceName === 'web-zone' ? { ...slice, endpoints: change(slice.endpoints) } : slice,
  );
  return { ...from, endpointSlices };
}

function withNodes(change: (node: ClusterNode) => Partial<ClusterNode>): ClusterSnapshot {
  return { ...s1, nodes: s1.nodes.map((node) => ({ ...node, ...change(node) })) };
}

const inZone2 = ({ zoneHints }: Endpoint) => zoneHints.includes('zone-2');

describe('of all Services recorded in sync (s1)', () => {
  it('none is told: shop/web-zone and shop/web-node have what their trafficDistribution asks for', () => {
    expect(found(s1)).toEqual([]);
  });
});

describe('hints that are passed over', () => {
  const partial = withEndpoints((all) => all.map((one) => (inZone2(one) ? { ...one, zoneHints: [] } : one)));

  it('since one ready endpoint has none (s1, shop/web-zone, the endpoint on node-b without its hint)', () => {
    const [violation, ...more] = found(partial);
    expect(more).toEqual([]);
    expect(violation).toMatchObject({
      subject: { kind: 'Service', namespace: 'shop', name: 'web-zone', port: '' },
      summary: 'shop/web-zone has zone hints that no node heeds: 1 of its 3 ready endpoints has none.',
      evidence: [{ name: 'without a hint', value: '10.244.2.2 on node-b, in zone-2' }],
    });
    expect(violation?.remediation.map(({ command }) => command)).toEqual([
      'kubectl -n shop get endpointslices -l kubernetes.io/service-name=web-zone -o yaml',
      'kubectl get nodes -L topology.kubernetes.io/zone',
      `kubectl -n shop patch service web-zone --type merge -p '{"metadata":{"annotations":{"service.kubernetes.io/topology-mode":null}},"spec":{"trafficDistribution":null}}'`,
    ]);
  });

  it('are none where the endpoint without a hint is not ready (s1, the same, and it is not ready)', () => {
    expect(
      found(withEndpoints((all) => all.map((one) => (inZone2(one) ? { ...one, zoneHints: [], ready: false } : one)))),
    ).toEqual([]);
  });

  it('are none where no address uses endpoints of other nodes (s1, the same, and the policy is Local)', () => {
    const local = withServices(partial, ({ name }) =>
      name === 'web-zone' ? { internalTrafficPolicy: 'Local' } : undefined,
    );
    expect(found(local)).toEqual([]);
  });
});

describe('a zone', () => {
  it('that has an endpoint of its own and no hint (s1, shop/web-zone, all hints are for zone-1)', () => {
    expect(summaries(withEndpoints((all) => all.map((one) => ({ ...one, zoneHints: ['zone-1'] }))))).toEqual([
      [
        'shop/web-zone',
        'shop/web-zone has 1 ready endpoint in zone-2, and no hint for zone-2: its nodes use those of all zones.',
      ],
    ]);
  });

  it('without any endpoint is served by all, as documented (s1, shop/web-zone without the endpoint on node-b)', () => {
    expect(found(withEndpoints((all) => all.filter((one) => !inZone2(one))))).toEqual([]);
  });

  /** Copies of the endpoint on node-b, and of those on node-a. */
  const copies = (one: Endpoint, count: number): readonly Endpoint[] =>
    Array.from({ length: count }, (_, index) => ({ ...one, address: address(`10.244.9.${index + 1}`) }));

  it('whose nodes all use one endpoint, while a smaller zone has three (s1, shop/web-zone, the endpoint of zone-2 three times, one of zone-1)', () => {
    const snapshot = withEndpoints((all) => [
      ...all.filter((one) => !inZone2(one)).slice(0, 1),
      ...all.filter(inZone2).flatMap((one) => copies(one, 3)),
    ]);
    expect(summaries(snapshot)).toEqual([
      [
        'shop/web-zone',
        'shop/web-zone sends all of zone-1 (2 nodes) to one endpoint, while 3 share the work of zone-2 (1 node).',
      ],
    ]);
  });

  it('of fewer nodes may do with one endpoint (s1, shop/web-zone, an endpoint of zone-1 three times)', () => {
    const snapshot = withEndpoints((all) => [
      ...all.filter(inZone2),
      ...all.filter((one) => !inZone2(one)).flatMap((one, index) => (index === 0 ? copies(one, 3) : [])),
    ]);
    expect(found(snapshot)).toEqual([]);
  });
});

describe('nodes without a zone', () => {
  it('pass over the hints there are, and are told once (s1, node-b without its label)', () => {
    const violations = found(withNodes(({ name }) => (name === 'node-b' ? { zone: null } : {})));
    expect(violations).toMatchObject([
      {
        subject: { kind: 'Cluster', name: 'nodes without a zone' },
        summary: 'node-b has no zone, so that the hints of 2 Services do not count there: traffic goes to all zones.',
        remediation: [{ command: 'kubectl label node node-b topology.kubernetes.io/zone=ZONE' }],
      },
    ]);
  });

  it('need none while they are removed (s1, node-b without its label, cordoned)', () => {
    expect(found(withNodes(({ name }) => (name === 'node-b' ? { zone: null, leaving: true } : {})))).toEqual([]);
  });

  it('need none until they are ready (s1, node-b without its label, not ready)', () => {
    expect(found(withNodes(({ name }) => (name === 'node-b' ? { zone: null, ready: false } : {})))).toEqual([]);
  });

  it('need none where there are no hints (s1, no node has a zone, no endpoint a hint)', () => {
    const bare = withNodes(() => ({ zone: null }));
    const endpointSlices = bare.endpointSlices.map((slice) => ({
      ...slice,
      endpoints: slice.endpoints.map((one) => ({ ...one, zoneHints: [], nodeHints: [] })),
    }));
    expect(found({ ...bare, endpointSlices })).toEqual([]);
  });
});
