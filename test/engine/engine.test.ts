/** What the engine makes of silence, loss, deletion and a disk that refuses: it freezes, and forgets nothing. */
import { describe, expect, it } from 'vitest';
import { checks } from '../../aggregator/checks/index.ts';
import { Engine } from '../../aggregator/engine/engine.ts';
import type { TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import { entryDigest } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { type Simulation, simulate } from './simulated-cluster.ts';

const key = 'tcp 10.96.1.3:80' as FrontendKey;
const service = 'churn/svc-3';

/** Three nodes and six Services; the first node shows an endpoint of svc-3 that was removed. */
function withStaleNode(): Simulation {
  const cluster = simulate({ nodes: 3, services: 6, seed: 7 });
  cluster.nodes[0]?.loseNextChangeOf(service);
  cluster.services.find((one) => one.key === service)?.removeOne();
  cluster.time.pass(45);
  return cluster;
}

function statesOf({ engine }: Simulation): readonly string[] {
  return engine.findings().map(({ check, node, state }) => `${check} ${node} ${state}`);
}

function nodeStates({ engine }: Simulation): string {
  return engine
    .nodes()
    .map(({ state, agent }) => `${state}/${agent}`)
    .join(' ');
}

function only({ engine }: Simulation): TrackedFinding {
  const [finding, more] = engine.findings();
  if (finding === undefined || more !== undefined) throw new Error('one finding was expected');
  return finding;
}

describe('a stale node', () => {
  it('is pending ten seconds after the change, and fires once its grace is over', () => {
    const cluster = simulate({ nodes: 3, services: 6, seed: 7 });
    cluster.nodes[0]?.loseNextChangeOf(service);
    cluster.services.find((one) => one.key === service)?.removeOne();
    cluster.time.pass(9);
    expect(statesOf(cluster)).toEqual([]);
    expect(cluster.engine.service('churn', 'svc-3')?.nodes).toMatchObject({ converging: 1, drifted: 0 });
    cluster.time.pass(8);
    expect(statesOf(cluster)).toEqual(['stale-endpoint node-1 pending']);
    expect(nodeStates(cluster)).toBe('healthy/reporting healthy/reporting healthy/reporting');
    cluster.time.pass(20);
    expect(statesOf(cluster)).toEqual(['stale-endpoint node-1 firing']);
    expect(nodeStates(cluster)).toBe('unhealthy/reporting healthy/reporting healthy/reporting');
  });

  it('is told with the time whose state it shows, on the node and on the Service', () => {
    const cluster = withStaleNode();
    const { since, shows } = only(cluster);
    expect(shows).toBe('past-state');
    expect(cluster.engine.node('node-1')?.showsStateOf).toBe(since);
    const detail = cluster.engine.service('churn', 'svc-3');
    expect(detail?.nodes).toEqual({ inSync: 2, converging: 0, drifted: 1, unknown: 0, total: 3 });
    const versions = detail?.frontends[0]?.versions.map(({ verdict, showsStateOf, nodes }) => [
      verdict,
      showsStateOf,
      nodes,
    ]);
    expect(versions).toEqual([
      ['in-sync', null, ['node-2', 'node-3']],
      ['drifted', since, ['node-1']],
    ]);
  });

  it('is asked once for the rules behind the stale entry, and shows them when they come', () => {
    const cluster = withStaleNode();
    const [wanted, ...more] = cluster.agents.wanted;
    const entry = cluster.nodes[0]?.kernel.get(key);
    if (entry === undefined) throw new Error('the node serves it');
    expect([wanted, more]).toEqual([`node-1 ${entryDigest(key, entry.forwarding)}`, []]);
    const lines = [{ table: 'nat', chain: 'KUBE-SVC-A', rule: '-A KUBE-SVC-A -j KUBE-SEP-A' }];
    const evidence = { entry: wanted?.slice(7) ?? '', reading: 'e/1', repaired: false, lines, total: 1 };
    cluster.agents.say({ kind: 'evidence', node: 'node-1', evidence });
    cluster.time.pass(10);
    const rules = only(cluster).evidence.flatMap((piece) => (piece.kind === 'rule' ? [piece.rule] : []));
    expect(rules).toEqual(['-A KUBE-SVC-A -j KUBE-SEP-A']);
  });
});

describe('an agent that dies', () => {
  it('makes its node late, then unknown within 60 s, and resolves nothing', () => {
    const cluster = withStaleNode();
    cluster.nodes[0]?.killAgent();
    cluster.time.pass(35);
    expect(nodeStates(cluster)).toBe('unhealthy/late healthy/reporting healthy/reporting');
    cluster.time.pass(25);
    expect(nodeStates(cluster)).toBe('unknown/silent healthy/reporting healthy/reporting');
    cluster.time.pass(3600);
    expect(only(cluster)).toMatchObject({
      state: 'unknown',
      knownState: 'firing',
      unknownBecause: 'the agent of node-1 is silent',
    });
    cluster.nodes[0]?.restartProxy();
    cluster.nodes[0]?.startAgent();
    cluster.time.pass(10);
    expect(only(cluster)).toMatchObject({ state: 'firing', episode: 1 });
    cluster.time.pass(45);
    expect(statesOf(cluster)).toEqual([]);
  });

  it('or lives on and does not read, is no better', () => {
    const cluster = simulate({ nodes: 1, services: 3, seed: 1 });
    cluster.nodes[0]?.killAgent();
    for (let seconds = 0; seconds < 70; seconds += 10) {
      cluster.agents.say({ kind: 'heard', node: 'node-1', at: cluster.time.now(), figures: null, ways: null });
      cluster.time.pass(10);
    }
    expect(cluster.engine.node('node-1')).toMatchObject({
      state: 'unknown',
      unknownBecause: ['the agent of node-1 lives, and does not read its node any more'],
    });
  });
});

describe('an API that falls silent', () => {
  it.each(['services', 'endpointslices', 'nodes'] as const)(
    '(%s) freezes everything, and nothing is false after',
    (of) => {
      const cluster = withStaleNode();
      cluster.cluster.setHealth(of, 'nothing heard for 90 s');
      cluster.time.pass(300);
      expect(only(cluster).state).toBe('unknown');
      expect(nodeStates(cluster)).toBe('unknown/reporting unknown/reporting unknown/reporting');
      expect(cluster.engine.readiness()).toEqual({ ready: false, because: [`watch of ${of}: nothing heard for 90 s`] });
      cluster.cluster.setHealth(of, null);
      cluster.time.pass(10);
      expect(only(cluster)).toMatchObject({ state: 'firing', episode: 1 });
    },
  );

  it.each(['services', 'endpointslices'] as const)(
    '(%s) holds back what may be the answer to a change that was not heard of, and not what the API dated itself',
    (of) => {
      const cluster = withStaleNode();
      cluster.cluster.quieten(of);
      cluster.time.pass(1);
      cluster.nodes[1]?.damage('tcp 10.96.1.4:80' as FrontendKey, () => null);
      cluster.time.pass(85);
      expect(statesOf(cluster)).toEqual(['missing-service node-2 pending', 'stale-endpoint node-1 firing']);
      cluster.cluster.speak(of);
      cluster.time.pass(6);
      expect(statesOf(cluster)).toEqual(['missing-service node-2 firing', 'stale-endpoint node-1 firing']);
    },
  );

  it('and is listed anew: every grace begins again, and what fires goes on firing', () => {
    const cluster = withStaleNode();
    const before = only(cluster).since;
    cluster.cluster.relisted('services');
    cluster.cluster.relisted('endpointslices');
    cluster.time.pass(120);
    expect(only(cluster)).toMatchObject({ state: 'firing', episode: 1, since: before });
  });
});

describe('a part of a report that is lost', () => {
  it('makes its node unknown until it is whole again', () => {
    const cluster = simulate({ nodes: 2, services: 3, seed: 1 });
    cluster.nodes[0]?.killAgent();
    cluster.agents.say({ kind: 'lost', node: 'node-1', reason: 'throttled', at: cluster.time.now() });
    cluster.time.pass(1);
    expect(cluster.engine.node('node-1')).toMatchObject({ state: 'unknown', unknownBecause: ['throttled'] });
    cluster.nodes[0]?.startAgent();
    cluster.time.pass(1);
    expect(nodeStates(cluster)).toBe('healthy/reporting healthy/reporting');
  });
});

describe('a journal that refuses', () => {
  it('nothing is acknowledged or shown until it takes it, and then all of it', () => {
    const cluster = simulate({ nodes: 1, services: 6, seed: 7 });
    cluster.nodes[0]?.loseNextChangeOf(service);
    cluster.services.find((one) => one.key === service)?.removeOne();
    cluster.journal.refuse('no space left');
    cluster.time.pass(30);
    const acknowledged = cluster.agents.acknowledged.get('node-1');
    expect(statesOf(cluster)).toEqual([]);
    expect(cluster.engine.readiness().because).toEqual(['journal: no space left']);
    cluster.time.pass(20);
    expect(cluster.agents.acknowledged.get('node-1')).toBe(acknowledged);
    cluster.journal.refuse(null);
    cluster.time.pass(10);
    expect(statesOf(cluster)).toEqual(['stale-endpoint node-1 firing']);
    expect(cluster.agents.acknowledged.get('node-1')).toBeGreaterThan(acknowledged ?? 0n);
    expect(cluster.engine.readiness().ready).toBe(true);
  });
});

describe('what is deleted or accepted', () => {
  it('a deleted node is gone, with its findings', () => {
    const cluster = withStaleNode();
    const { fingerprint } = only(cluster);
    cluster.cluster.deleteNode('node-1');
    cluster.time.pass(5);
    expect(cluster.engine.nodes().map(({ name }) => name)).toEqual(['node-2', 'node-3']);
    expect(statesOf(cluster)).toEqual([]);
    expect(cluster.journal.find(fingerprint)?.state).toBe('gone');
  });

  it('a node made anew under the same name begins anew', () => {
    const cluster = withStaleNode();
    const node = cluster.nodes[0]?.apiNode;
    if (node === undefined) throw new Error('there is a first node');
    const { fingerprint } = only(cluster);
    cluster.cluster.setNode({ ...node, uid: 'another' });
    cluster.time.pass(1);
    expect(cluster.journal.find(fingerprint)?.state).toBe('gone');
    expect(cluster.engine.node('node-1')?.uid).toBe('another');
  });

  it('a deleted Service takes its findings with it, once the node no longer serves it', () => {
    const cluster = withStaleNode();
    const { fingerprint } = only(cluster);
    cluster.cluster.deleteService(service);
    cluster.time.pass(60);
    expect(cluster.journal.find(fingerprint)?.state).toBe('gone');
  });

  it('an accepted finding is suppressed, and its node is not unhealthy for it', () => {
    const cluster = withStaleNode();
    const owner = cluster.cluster.services.get(service);
    if (owner === undefined) throw new Error('the Service is there');
    cluster.cluster.setService({ ...owner, annotations: { 'plumbline.dev/accept': 'stale-endpoint' } });
    cluster.time.pass(2);
    expect(statesOf(cluster)).toEqual(['stale-endpoint node-1 suppressed']);
    expect(nodeStates(cluster)).toBe('healthy/reporting healthy/reporting healthy/reporting');
  });
});

describe('an aggregator that starts again', () => {
  it('shows what it knew as unknown, loses nothing and doubles nothing', () => {
    const before = withStaleNode();
    before.engine.stop();
    const { cluster, agents, journal, time } = before;
    const log = { info: () => undefined, error: () => undefined };
    const engine = new Engine({ cluster, journal, checks, log, now: time.now, later: time.later });
    const after: Simulation = { ...before, engine };
    engine.start(agents);
    time.pass(0.2);
    expect(only(after)).toMatchObject({ state: 'unknown', knownState: 'firing', episode: 1 });
    expect(engine.nodes().every(({ state }) => state === 'unknown')).toBe(true);
    cluster.relisted('services');
    cluster.relisted('endpointslices');
    for (const { name } of after.nodes)
      agents.say({ kind: 'connected', node: name, agentVersion: 'v0', at: time.now() });
    time.pass(120);
    expect(only(after)).toMatchObject({ state: 'firing', episode: 1 });
    expect(nodeStates(after)).toBe('unhealthy/reporting healthy/reporting healthy/reporting');
  });
});
