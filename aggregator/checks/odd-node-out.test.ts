import { describe, expect, it } from 'vitest';
import { type SliceBuilder, service, slice } from '../../test/builders.ts';
import {
  everyone,
  forwardTo,
  frontend,
  nodeView,
  objects,
  preroutingJump,
  rejected,
  type Row,
  silentKubeProxy,
  structure,
  unreadable,
  type ViewSketch,
} from '../../test/view-builders.ts';
import type { NodeView, Staleness } from '../model/check.ts';
import { oddNodeOut } from './odd-node-out.ts';

const shared = 'tcp 198.51.100.7:80';
const blue = 'tcp 10.96.0.1:80';

/** shop/blue and shop/green both ask for 198.51.100.7, port 80. */
const claims = objectsWith(
  slice('shop/blue').port(8080).ready('10.244.1.1'),
  slice('shop/green').port(8080).ready('10.244.1.2'),
);

function objectsWith(...slices: readonly SliceBuilder[]) {
  const services = ['blue', 'green'].map(
    (name, i) =>
      service(`shop/${name}`)
        .port(80)
        .clusterIP(`10.96.0.${i + 1}`)
        .externalIP('198.51.100.7').built,
  );
  return objects({ services, endpointSlices: slices.map(({ built }) => built) });
}

/** A node that does this at the address that is asked for twice; null = nothing. */
function nodeThat(name: string, does: Row[1] | null, sketch: ViewSketch = {}): NodeView {
  return nodeView({
    name,
    desired: [[shared, everyone(unreadable('asked-twice'))], ...(sketch.desired ?? [])],
    observed: [...(does === null ? [] : [[shared, does] as const]), ...(sketch.observed ?? [])],
    owners: { [shared]: 'shop/blue' },
    ...(sketch.structures === undefined ? {} : { structures: sketch.structures }),
    ...(sketch.parts === undefined ? {} : { parts: sketch.parts }),
  });
}

const toBlue = everyone(forwardTo('10.244.1.1:8080'));
const toGreen = everyone(forwardTo('10.244.1.2:8080'));
const toNobody = everyone(forwardTo('10.244.9.9:8080'));
const peers = [toBlue, toGreen, toBlue].map((does, i) => nodeThat(`node-${i}`, does));

function found(...nodes: readonly NodeView[]) {
  return oddNodeOut.evaluate({ nodes, objects: claims });
}

// test/scenarios/node-names.test.ts has recorded rules.
describe('odd-node-out, where two Services ask for one address', () => {
  it('one node sends to what is no endpoint of either', () => {
    expect(found(...peers, nodeThat('node-x', toNobody))).toEqual([
      {
        subject: { kind: 'Node', name: 'node-x' },
        summary: `At ${shared} node-x sends to 10.244.9.9:8080, which is no endpoint of shop/blue and shop/green; its 3 peers agree with each other.`,
        evidence: [
          { kind: 'fact', name: shared, value: 'forward to 10.244.9.9:8080 (masquerade never)' },
          { kind: 'fact', name: `peers that agree at ${shared}`, value: '3' },
        ],
        remediation: [
          expect.objectContaining({ command: expect.stringContaining('rules-before-repair.txt') }),
          expect.objectContaining({ command: expect.stringContaining('spec.nodeName=node-x') }),
        ],
        frontends: [frontend(shared)],
      },
    ]);
  });

  it('nodes that serve the one or the other differ lawfully', () => {
    expect(found(...peers, nodeThat('node-x', toGreen))).toEqual([]);
  });

  it('one node serves neither, one refuses though both have endpoints', () => {
    const nodes = [...peers, ...peers, nodeThat('node-x', null), nodeThat('node-y', everyone(rejected))];
    expect(found(...nodes).map(({ summary }) => summary)).toEqual([
      `At ${shared} node-x serves none of shop/blue and shop/green; its 6 peers agree with each other.`,
      `At ${shared} node-y refuses packets though shop/blue and shop/green have ready endpoints; its 6 peers agree with each other.`,
    ]);
  });

  it('a refusal is lawful as long as one of both has nobody who could answer', () => {
    const empty = objectsWith(slice('shop/blue').port(8080).ready('10.244.1.1'));
    const nodes = [...[1, 2, 3].map((i) => nodeThat(`node-${i}`, toBlue)), nodeThat('node-x', everyone(rejected))];
    expect(oddNodeOut.evaluate({ nodes, objects: empty })).toEqual([]);
  });

  it('an endpoint that goes away is one still', () => {
    const leaving = objectsWith(
      slice('shop/blue').port(8080).ready('10.244.1.1').unready('10.244.9.9'),
      slice('shop/green').port(8080).ready('10.244.1.2'),
    );
    const nodes = [...peers, nodeThat('node-x', toNobody)];
    expect(oddNodeOut.evaluate({ nodes, objects: leaving })).toEqual([]);
  });

  it('two peers are too few, and so are three against two', () => {
    expect(found(...peers.slice(0, 2), nodeThat('node-x', toNobody))).toEqual([]);
    expect(found(...peers, nodeThat('node-x', toNobody), nodeThat('node-y', toNobody))).toEqual([]);
  });

  it('what cannot be read is no peer, and not odd', () => {
    expect(found(...peers, nodeThat('node-x', everyone(unreadable('unreadable-match'))))).toEqual([]);
    const unread = [1, 2, 3].map((i) => nodeThat(`node-${i}`, everyone(unreadable('set-not-read'))));
    expect(found(...unread, nodeThat('node-x', toNobody))).toEqual([]);
  });

  it('a node with damage, a silent kube-proxy or drifts of three Services is left to other checks', () => {
    const structures = [structure({ missingBaseJumps: [preroutingJump] })];
    const missing = [2, 3, 4].map((i) => [`tcp 10.96.1.${i}:80`, toBlue] as const);
    const troubled = [
      nodeThat('node-x', toNobody, { structures }),
      nodeThat('node-x', toNobody, { parts: { kubeProxy: silentKubeProxy() } }),
      nodeThat('node-x', toNobody, { desired: missing }),
    ];
    expect(troubled.map((view) => found(...peers, view))).toEqual([[], [], []]);
    expect(found(...peers, nodeThat('node-x', toNobody, { desired: missing.slice(1) })).length).toBe(1);
  });
});

describe('odd-node-out, where nearly all nodes differ from what is expected', () => {
  const expected = everyone(forwardTo('10.244.1.1:8080'));
  const other = everyone(forwardTo('10.244.1.1:9090'));

  function differing(shown: Staleness): readonly NodeView[] {
    return Array.from({ length: 19 }, (_, i) =>
      nodeView({
        name: `node-${i}`,
        desired: [[blue, expected]],
        observed: [[blue, other]],
        owners: { [blue]: 'shop/blue' },
        history: { staleness: { [blue]: shown } },
      }),
    );
  }
  const asExpected = nodeView({ name: 'node-x', desired: [[blue, expected]], observed: [[blue, expected]] });

  it('the one that does as expected is odd, of medium severity', () => {
    expect(found(...differing({ shows: 'never-wanted' }), asExpected)).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-x' },
        summary: `At ${blue} node-x does what is expected, unlike 19 nodes of which the same is asked; its 19 peers agree with each other, and either they are wrong or it is: of medium severity.`,
        severity: 'medium',
        frontends: [frontend(blue)],
      },
    ]);
  });

  it('it is merely the first to follow a change where the others show the past', () => {
    const past = { shows: 'past-state', from: '2026-11-22T07:00:00Z', until: '2026-11-22T08:00:00Z' } as const;
    expect(found(...differing(past), asExpected)).toEqual([]);
  });

  it('a node of which something else is asked is none of their peers', () => {
    const wantsOther = nodeView({ name: 'node-x', desired: [[blue, toGreen]], observed: [[blue, toGreen]] });
    expect(found(...differing({ shows: 'never-wanted' }), wantsOther)).toEqual([]);
  });

  it('a node that differs in its own way is told by the checks of nodes', () => {
    const wrong = nodeView({ name: 'node-x', desired: [[blue, expected]], observed: [[blue, toNobody]] });
    expect(found(...differing({ shows: 'never-wanted' }), wrong)).toEqual([]);
  });
});
