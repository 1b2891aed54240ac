import { describe, expect, it } from 'vitest';
import { everyone, forwardTo, frontend, nodeView, objects, reported, unreadable } from '../../test/view-builders.ts';
import { checks } from '../checks/index.ts';
import type { Check, ClusterView, NodeView } from '../model/check.ts';
import { findingsOf } from '../../test/findings-of.ts';
import { buildView, evaluateCluster } from './evaluate.ts';

/** These nodes and nothing else of the cluster. */
function whole(nodes: readonly NodeView[]): ClusterView {
  return { nodes, objects: objects() };
}

const web = 'tcp 10.96.0.1:80';
const cart = 'tcp 10.96.0.3:6379';
const owners = { [web]: 'shop/web:http', [cart]: 'shop/cart:redis' };
const served = everyone(forwardTo('10.244.1.2:8080'));
const others = everyone(forwardTo('10.244.9.9:8080'));
const desired = [
  [web, served],
  [cart, served],
] as const;

describe('the state of a node', () => {
  it('every frontend is as asked', () => {
    const view = nodeView({ desired, observed: desired, owners });
    expect(evaluateCluster(whole([view]), checks)).toEqual({
      nodes: [
        {
          name: 'node-a',
          mode: 'iptables',
          state: 'healthy',
          frontends: { total: 2, inSync: 2, drifted: 0, unknown: 0 },
        },
      ],
      findings: [],
      unknownReasons: new Map(),
    });
  });

  it('stale, missing and unknown frontends are counted, each once', () => {
    const dns = 'udp 10.96.0.10:53';
    const view = nodeView({
      desired: [...desired, [dns, served]],
      observed: [
        [web, served],
        [dns, everyone(unreadable('too-complex'))],
        ['tcp 10.96.0.99:80', served],
      ],
      owners,
    });
    const { nodes, unknownReasons } = evaluateCluster(whole([view]), checks);
    expect(nodes).toEqual([
      {
        name: 'node-a',
        mode: 'iptables',
        state: 'unhealthy',
        frontends: { total: 4, inSync: 1, drifted: 2, unknown: 1 },
      },
    ]);
    expect([...unknownReasons]).toEqual([['node-a', ['1 frontend: too-complex']]]);
  });

  it('an unknown frontend alone makes the node unknown', () => {
    const view = nodeView({
      desired,
      observed: [
        [web, served],
        [cart, everyone(unreadable('too-complex'))],
      ],
      owners,
    });
    const { nodes, findings } = evaluateCluster(whole([view]), checks);
    expect([nodes.map(({ state }) => state), findings]).toEqual([['unknown'], []]);
  });

  it.each([
    ['the rules could not be read', nodeView({ desired, observed: null }), 'iptables: iptables-nft-save: exit code 1'],
    [
      'the mode is not known',
      nodeView({ desired, profile: { mode: { source: 'unknown', reason: 'kube-proxy is silent' } } }),
      'dataplane mode: kube-proxy is silent',
    ],
    [
      'the mode is not compared',
      nodeView({
        desired,
        profile: { mode: { value: 'cilium', source: 'rules' } },
        parts: { proxyTraces: reported({ iptables: false, nftables: false, ipvs: false }) },
      }),
      'cilium: its service table was not read',
    ],
    ['what it should do is not known', nodeView({ desired: null }), 'what the node should do is not known'],
    [
      'another collector failed',
      nodeView({ parts: { proxyTraces: { state: 'failed', reason: 'nft: exit code 1' } } }),
      'proxyTraces: nft: exit code 1',
    ],
  ])('%s: unknown, without any finding', (_, view, reason) => {
    const { nodes, findings, unknownReasons } = evaluateCluster(whole([view]), checks);
    expect(nodes.map(({ state, frontends }) => ({ state, frontends }))).toEqual([
      { state: 'unknown', frontends: { total: 0, inSync: 0, drifted: 0, unknown: 0 } },
    ]);
    expect([findings, [...unknownReasons]]).toEqual([[], [['node-a', [reason]]]]);
  });

  it('a part that was not recorded is no reason to doubt the others', () => {
    const absent = { kubeProxy: { state: 'absent' }, proxyTraces: { state: 'absent' } } as const;
    const view = nodeView({ desired, observed: desired, owners, parts: absent });
    expect(evaluateCluster(whole([view]), checks).nodes.map(({ state }) => state)).toEqual(['healthy']);
  });
});

describe('ten nodes that differ in the same way', () => {
  it('are unknown at that frontend, with one finding of the cluster and none of theirs', () => {
    const views = Array.from({ length: 10 }, (_, i) =>
      nodeView({
        name: `node-${i}`,
        desired,
        observed: [
          [web, others],
          [cart, served],
        ],
        owners,
      }),
    );
    const { nodes, findings } = evaluateCluster(whole(views), checks);
    expect(findings.map(({ check, node }) => ({ check, node }))).toEqual([{ check: 'model-disagreement', node: null }]);
    expect(nodes.map(({ state, frontends }) => ({ state, ...frontends }))).toEqual(
      views.map(() => ({ state: 'unknown', total: 2, inSync: 1, drifted: 0, unknown: 1 })),
    );
  });
});

describe('findings', () => {
  it('come by severity, check, node and subject, whatever the order of nodes and checks', () => {
    const views = ['node-b', 'node-a'].map((name) => nodeView({ name, desired, observed: [[web, others]], owners }));
    const findings = evaluateCluster(whole(views), checks).findings;
    expect(findings.map(({ severity, check, node }) => `${severity} ${check} ${node}`)).toEqual([
      'critical missing-service node-a',
      'critical missing-service node-b',
      'critical stale-endpoint node-a',
      'critical stale-endpoint node-b',
      'high missing-endpoint node-a',
      'high missing-endpoint node-b',
    ]);
    expect(evaluateCluster(whole(views.toReversed()), checks.toReversed()).findings).toEqual(findings);
  });

  it('keep their fingerprint when only the evidence changes; another node has another', () => {
    const at = (name: string, backend: string) =>
      findingsOf(
        nodeView({
          name,
          desired: [[web, served]],
          observed: [[web, everyone(forwardTo('10.244.1.2:8080', backend))]],
          owners,
        }),
        checks,
      )[0]?.fingerprint;
    expect(at('node-a', '10.244.3.1:80')).toMatch(/^[0-9a-f]{16}$/);
    expect(at('node-a', '10.244.3.2:80')).toBe(at('node-a', '10.244.3.1:80'));
    expect(at('node-b', '10.244.3.1:80')).not.toBe(at('node-a', '10.244.3.1:80'));
  });

  it('a check whose part is missing is not asked', () => {
    const neverAsked: Check = {
      id: 'never-asked',
      layer: 'L3',
      scope: 'node',
      severity: 'low',
      title: '',
      explanation: '',
      falsePositives: '',
      remediation: '',
      needs: ['addresses'],
      holdForSeconds: 0,
      clearForSeconds: 0,
      evaluate: () => {
        throw new Error('asked without its part');
      },
    };
    expect(findingsOf(nodeView(), [neverAsked])).toEqual([]);
    const view = nodeView({ parts: { addresses: reported({ addresses: [], links: [] }) } });
    expect(() => findingsOf(view, [neverAsked])).toThrow('asked without its part');
  });
});

describe('owners', () => {
  it('the API names the owner of what is asked for, a hint that of what is left', () => {
    const old = 'tcp 10.96.0.99:80';
    const view = nodeView({
      desired: [[web, served]],
      observed: [
        [web, served],
        [old, served],
      ],
      owners: { [web]: 'shop/web:http' },
      hints: { [web]: 'shop/other', [old]: 'shop/gone:http', 'tcp 10.96.0.98:80': 'no service port' },
    });
    expect([...view.owners]).toEqual([
      [frontend(web), { namespace: 'shop', name: 'web', portName: 'http', protocol: 'tcp', kind: 'clusterIP' }],
      [frontend(old), { namespace: 'shop', name: 'gone', portName: 'http', protocol: 'tcp', kind: null }],
    ]);
  });

  it('a node that the API does not know has findings of its own name', () => {
    const view = nodeView({ desired, observed: [], owners });
    const unknown = buildView({
      ...view,
      node: null,
      desired: { table: view.desired ?? new Map(), owners: view.owners },
    });
    const [known, nameless] = [view, unknown].map((one) => findingsOf(one, checks)[0]?.fingerprint);
    expect(nameless).toMatch(/^[0-9a-f]{16}$/);
    expect(nameless).not.toBe(known);
  });
});
