/** Findings about pods and about the way to other nodes: whose word counts, and when there is nothing left to find. */
import { describe, expect, it } from 'vitest';
import { Engine } from '../../aggregator/engine/engine.ts';
import type { Need, NodeCheck, NodeView } from '../../aggregator/model/check.ts';
import type { Layer, Subject } from '../../aggregator/model/finding.ts';
import { pod } from '../builders.ts';
import { memoryJournal } from '../memory-journal.ts';
import { FakeAgents, FakeCluster } from './fake-feeds.ts';
import { SimulatedNode } from './simulated-node.ts';
import { VirtualTime } from './virtual-time.ts';

const web = pod('shop/web-0', 'node-1', '10.244.1.2');

/** Two nodes, and a check that says on the first one whatever the test wants. */
function world(needs: readonly Need[] = []) {
  const time = new VirtualTime('2026-11-22T08:00:00Z');
  const cluster = new FakeCluster(time.now);
  const agents = new FakeAgents();
  const journal = memoryJournal();
  const says: { about: Subject | null; layer: Layer; views: NodeView[] } = { about: null, layer: 'L1', views: [] };
  const check: NodeCheck = {
    ...{ id: 'made-up', scope: 'node', severity: 'high', title: '', explanation: '', falsePositives: '' },
    ...{ remediation: '', needs, holdForSeconds: 0, clearForSeconds: 0 },
    get layer() {
      return says.layer;
    },
    evaluate: (view) => {
      says.views.push(view);
      if (says.about === null || view.name !== 'node-1') return [];
      return [{ subject: says.about, summary: 'It is so.', evidence: [], remediation: [], frontends: [] }];
    },
  };
  const log = { info: () => undefined, error: () => undefined };
  const engine = new Engine({ cluster, journal, checks: [check], log, now: time.now, later: time.later });
  engine.start(agents);
  const options = { time, cluster, agents, random: () => 0.5, mode: 'iptables' } as const;
  const nodes = ['192.168.100.11', '192.168.100.12'].map(
    (address, at) => new SimulatedNode(`node-${at + 1}`, address, options),
  );
  cluster.setPod(web);
  cluster.relisted('services');
  cluster.relisted('endpointslices');
  time.pass(60);
  const findings = () =>
    engine.findings().map(({ subject, state, severity }) => `${subject.name} ${state} ${severity}`);
  const ended = () => journal.ended({ limit: 10 }).map(({ subject, state }) => `${subject.name} ${state}`);
  return { time, cluster, agents, journal, says, engine, nodes, findings, ended };
}

/** The same, where the first node has a finding about this. */
function firing(about: Subject, needs?: readonly Need[]) {
  const made = world(needs);
  made.says.about = about;
  made.time.pass(60);
  return made;
}

const aboutPod: Subject = { kind: 'Pod', namespace: 'shop', name: 'web-0' };
const aboutPeer: Subject = { kind: 'Peer', name: 'node-2' };

describe('a finding about a pod', () => {
  it('resolves where the check does not say it any more', () => {
    const made = firing(aboutPod);
    expect(made.findings()).toEqual(['web-0 firing high']);
    made.says.about = null;
    made.time.pass(60);
    expect([made.findings(), made.ended()]).toEqual([[], ['web-0 resolved']]);
  });

  it.each(['deleted', 'moved'])('is gone with a pod that was %s', (how) => {
    const made = firing(aboutPod);
    made.says.about = null;
    if (how === 'deleted') made.cluster.deletePod('shop/web-0');
    else made.cluster.setPod({ ...web, nodeName: 'node-2' });
    made.time.pass(30);
    expect([made.findings(), made.ended()]).toEqual([[], ['web-0 gone']]);
  });

  it('is unknown while the pods of the API are, and not gone', () => {
    const made = firing(aboutPod, ['pods']);
    made.says.about = null;
    made.cluster.deletePod('shop/web-0');
    made.cluster.setHealth('pods', 'nothing heard for 90 s');
    made.time.pass(60);
    expect(made.engine.findings()).toMatchObject([
      { state: 'unknown', unknownBecause: 'made-up could not be asked: the pods of the API are not known' },
    ]);
  });

  it('is accepted by its Namespace, and by no other', () => {
    const made = firing(aboutPod);
    const accepting = (name: string) => ({ name, labels: {}, annotations: { 'plumbline.dev/accept': 'made-up' } });
    made.cluster.setNamespace(accepting('edge'));
    made.time.pass(10);
    expect(made.findings()).toEqual(['web-0 firing high']);
    made.cluster.setNamespace(accepting('shop'));
    made.time.pass(1);
    expect(made.findings()).toEqual(['web-0 suppressed high']);
  });
});

describe('a finding about the way to another node', () => {
  it('is gone when that Node was deleted', () => {
    const made = firing(aboutPeer);
    made.says.about = null;
    made.nodes[1]?.killAgent();
    made.cluster.deleteNode('node-2');
    made.time.pass(30);
    expect([made.findings(), made.ended()]).toEqual([[], ['node-2 gone']]);
  });

  it('resolves like any other while the Node is there', () => {
    const made = firing(aboutPeer);
    made.says.about = null;
    made.time.pass(60);
    expect(made.ended()).toEqual(['node-2 resolved']);
  });

  it('is not gone with a router that never was a Node', () => {
    const made = firing({ kind: 'Peer', name: '192.168.100.1' });
    made.says.about = null;
    made.time.pass(60);
    expect(made.ended()).toEqual(['192.168.100.1 resolved']);
  });
});

describe('a finding that takes events', () => {
  it('is unknown where these are not known', () => {
    const made = firing(aboutPod, ['pods', 'events']);
    expect(made.findings()).toEqual(['web-0 firing high']);
    made.cluster.setHealth('events', '403 Forbidden');
    made.time.pass(60);
    expect(made.engine.findings()).toMatchObject([
      { state: 'unknown', unknownBecause: 'made-up could not be asked: the events of the API are not known' },
    ]);
    expect(made.engine.nodes().map(({ name, unknownBecause }) => [name, unknownBecause])).toEqual([
      ['node-1', []],
      ['node-2', []],
    ]);
    expect(made.engine.readiness()).toEqual({ ready: true, because: [] });
  });
});

describe('what another node reports', () => {
  const mode = (made: ReturnType<typeof world>) => {
    const view = made.says.views.findLast(({ name }) => name === 'node-1');
    const parts = view?.peers.parts('node-2') ?? null;
    return parts?.proxyTraces.state ?? null;
  };

  it('is seen by the checks of a node, and ceases to count when its agent falls silent', () => {
    const made = world();
    expect([mode(made), made.says.views[0]?.peers.parts('node-3')]).toEqual(['ok', null]);
    made.nodes[1]?.killAgent();
    made.time.pass(120);
    expect(mode(made)).toBeNull();
  });
});

describe('the layers of a node', () => {
  it('are known as far as they have checks, and not any more when nothing is heard', () => {
    const made = world();
    const layersOf = (name: string) => made.engine.node(name)?.layers;
    expect(layersOf('node-2')).toEqual([{ layer: 'L1', state: 'known', because: [] }]);
    made.nodes[1]?.killAgent();
    made.time.pass(120);
    const because = ['the agent of node-2 is silent'];
    expect(layersOf('node-2')).toEqual([{ layer: 'L1', state: 'unknown', because }]);
    expect(layersOf('node-1')).toEqual([{ layer: 'L1', state: 'known', because: [] }]);
  });
});

describe('a node that is not ready', () => {
  const network =
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized';

  it.each([
    ['L1', network, 'high'],
    ['L1', 'PLEG is not healthy', 'low'],
    ['L3', network, 'low'],
  ] as const)('makes findings of %s weigh less, unless it waits for the network: %s', (layer, because, severity) => {
    const made = world();
    made.says.layer = layer;
    const apiNode = made.nodes[0]?.apiNode;
    if (apiNode === undefined) throw new Error('there are two nodes');
    made.cluster.setNode({ ...apiNode, ready: false, notReadyBecause: because });
    made.says.about = aboutPod;
    made.time.pass(60);
    expect(made.findings()).toEqual([`web-0 firing ${severity}`]);
  });
});
