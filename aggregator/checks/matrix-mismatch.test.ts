import { describe, expect, it } from 'vitest';
import type { ProbeResult } from '../../proto/parts.ts';
import { address, service, slice } from '../../test/builders.ts';
import { probe, probes, unanswered } from '../../test/network-builders.ts';
import { policy, type PolicySpec, world } from '../../test/policy-world.ts';
import { everyone, forwardTo, nodeView, reported } from '../../test/view-builders.ts';
import type { ClusterSnapshot } from '../model/cluster.ts';
import { matrixMismatch } from './matrix-mismatch.ts';

/** node-a has connected to shop/db, whose one pod is on node-b. */
const toService = (changes: Partial<ProbeResult> = {}) =>
  probe({ by: 'service', node: '', address: address('10.96.0.5'), port: 5432, packetBytes: 0, ...changes });
const toPod = (changes: Partial<ProbeResult> = {}) =>
  probe({ by: 'endpoint', address: address('10.244.2.3'), port: 5432, packetBytes: 0, ...changes });

function told(result: ProbeResult, specs: readonly PolicySpec[] = [], changes: Partial<ClusterSnapshot> = {}) {
  const objects = world(
    specs.map((spec, at) => policy(`shop/p${at}`, spec)),
    changes,
  );
  const table = [['tcp 10.96.0.5:5432', everyone(forwardTo('10.244.2.3:5432'))]] as const;
  const view = nodeView({
    ...{ desired: table, observed: table, owners: { 'tcp 10.96.0.5:5432': 'shop/db:pg' }, objects },
    parts: { probes: reported(probes({ results: [result] })) },
  });
  return matrixMismatch.evaluate({ ...view, node: objects.node('node-a') });
}

const db = { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] };

describe('matrix-mismatch', () => {
  it('a Service that no policy forbids is not reached', () => {
    expect(told(toService(unanswered)).map(({ subject, summary, frontends }) => [subject, summary, frontends])).toEqual(
      [
        [
          { kind: 'Service', namespace: 'shop', name: 'db', port: 'pg', protocol: 'tcp' },
          'node-a cannot connect to shop/db (10.96.0.5:5432), which no policy forbids: 0 of 3 connections came about.',
          ['tcp 10.96.0.5:5432'],
        ],
      ],
    );
  });

  it('nor is a pod', () => {
    expect(told(toPod(unanswered)).map(({ summary, topics }) => [summary, topics])).toEqual([
      [
        'node-a cannot connect to shop/db at port 5432, which no policy forbids: 0 of 3 connections came about.',
        ['pod shop/db'],
      ],
    ]);
  });

  it('what policies forbid to everybody is reached', () => {
    const nobody = { ...db, ingress: [{ from: [{ ipBlock: { cidr: '203.0.113.0/24' } }] }] };
    expect(told(toPod(), [nobody]).map(({ summary }) => summary)).toEqual([
      'node-a connects to shop/db at port 5432, which policies forbid: nothing enforces them on this way.',
    ]);
  });

  it.each<readonly [string, ProbeResult, readonly PolicySpec[], Partial<ClusterSnapshot>]>([
    ['both agree', toService(), [], {}],
    [
      'a rule lets in all of the family that was asked by',
      toPod({ address: address('fd00:244:2::3') }),
      [{ ...db, ingress: [{ from: [{ ipBlock: { cidr: '::/0' } }] }] }],
      {},
    ],
    ['one of three was answered', toService({ answered: 1 }), [], {}],
    ['the window is not full', toService({ ...unanswered, sent: 2 }), [], {}],
    ['the pod itself refused', toPod({ ...unanswered, error: 'ECONNREFUSED' }), [], {}],
    [
      'what a policy says of nodes is left to the plugin',
      toPod(unanswered),
      [{ ...db, ingress: [{ from: [{ podSelector: {} }] }] }],
      {},
    ],
    [
      'the Service keeps to endpoints of the same node, which has none',
      toService(unanswered),
      [],
      {
        services: [service('shop/db').clusterIP('10.96.0.5').port(5432, 'pg').internalLocal().built],
        endpointSlices: [slice('shop/db').port(5432, 'pg').ready('10.244.2.3', { node: 'node-b' }).built],
      },
    ],
    ['the probe is one between nodes', probe({ by: 'overlay', ...unanswered }), [], {}],
    [
      'policies of another kind may forbid it',
      toService(unanswered),
      [],
      { foreignPolicies: [{ kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'x' }] },
    ],
  ])('nothing where %s', (_, result, specs, changes) => {
    expect(told(result, specs, changes)).toEqual([]);
  });
});
