import { describe, expect, it } from 'vitest';
import {
  everyone,
  forwardTo,
  frontend,
  nftablesStructure,
  nodeView,
  objects,
  preroutingJump,
  reported,
  silentKubeProxy,
  structure,
  type ViewSketch,
} from '../../test/view-builders.ts';
import type { NodeView } from '../model/check.ts';
import { modelDisagreement } from './model-disagreement.ts';

const web = 'tcp 10.96.0.1:80';
const wanted = everyone(forwardTo('10.244.1.2:8080'));
const other = everyone(forwardTo('10.244.1.3:8080'));
const differing: ViewSketch = { desired: [[web, wanted]], observed: [[web, other]] };
const inSync: ViewSketch = { desired: [[web, wanted]], observed: [[web, wanted]] };

function nodes(count: number, sketch: ViewSketch, from = 0): readonly NodeView[] {
  return Array.from({ length: count }, (_, i) => nodeView({ ...sketch, name: `node-${from + i}` }));
}

function found(...views: readonly NodeView[]) {
  return modelDisagreement.evaluate({ nodes: views, objects: objects() });
}

describe('model-disagreement', () => {
  it('all of ten nodes of one version differ in the same way: one finding, and the drifts are disputed', () => {
    const views = nodes(10, differing);
    expect(found(...views)).toEqual([
      {
        subject: { kind: 'Cluster', name: 'iptables v1.36.2' },
        summary: `10 of 10 nodes with kube-proxy iptables v1.36.2 differ from what is expected in the same way at ${web}: the expectation is the suspect, and nothing is claimed there.`,
        evidence: [
          {
            kind: 'fact',
            name: web,
            value:
              'pod: missing [10.244.1.2:8080] stale [10.244.1.3:8080]; node: missing [10.244.1.2:8080] stale [10.244.1.3:8080]; outside: missing [10.244.1.2:8080] stale [10.244.1.3:8080] (on 10 of 10 nodes)',
          },
        ],
        remediation: [],
        frontends: [frontend(web)],
        disputes: new Map(views.map(({ name }) => [name, new Set([frontend(web)])])),
      },
    ]);
  });

  it('eighteen of twenty are enough, seventeen are not', () => {
    expect([
      found(...nodes(18, differing), ...nodes(2, inSync, 18)).length,
      found(...nodes(17, differing), ...nodes(3, inSync, 17)).length,
    ]).toEqual([1, 0]);
  });

  it('nine nodes say nothing, nor do ten of two versions', () => {
    const older: ViewSketch = { ...differing, profile: { kubeProxyVersion: { value: 'v1.35.0', source: 'metrics' } } };
    expect([found(...nodes(9, differing)), found(...nodes(5, differing), ...nodes(5, older, 5))]).toEqual([[], []]);
  });

  it('ten nodes that differ each in its own way are ten faults', () => {
    const views = Array.from({ length: 10 }, (_, i) =>
      nodeView({ ...differing, name: `node-${i}`, observed: [[web, everyone(forwardTo(`10.244.9.${i}:80`))]] }),
    );
    expect(found(...views)).toEqual([]);
  });

  it('nodes with visible damage or a silent kube-proxy are no witnesses', () => {
    const damaged: ViewSketch = { ...differing, structures: [structure({ missingBaseJumps: [preroutingJump] })] };
    const silent: ViewSketch = { ...differing, parts: { kubeProxy: silentKubeProxy() } };
    const proxyTraces = reported({ iptables: true, nftables: true, ipvs: false });
    const leftOver: ViewSketch = { ...differing, parts: { proxyTraces } };
    const jump = { table: 'ip kube-proxy', from: 'nat-prerouting', to: 'services' };
    const nftables = reported({ structures: [nftablesStructure({ missingBaseJumps: [jump] })] });
    const damagedNftables: ViewSketch = { ...differing, parts: { nftables } };
    const sketches = [damaged, silent, leftOver, damagedNftables];
    expect(sketches.map((sketch) => found(...nodes(12, sketch)))).toEqual([[], [], [], []]);
  });
});
