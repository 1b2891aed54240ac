/**
 * What the engine makes of checks that read the API's objects alone: they are asked when those change, not more often than
 * every five seconds, and what they said freezes while they cannot be asked. Of the objects, shop/typo and its namespace are
 * those of recording s1-healthy in short: a selector `app=wbe` beside pods with `app=web`.
 */
import { describe, expect, it } from 'vitest';
import { checks } from '../../aggregator/checks/index.ts';
import { Engine } from '../../aggregator/engine/engine.ts';
import type { Check, ClusterCheck } from '../../aggregator/model/check.ts';
import type { TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import { pod, service, slice } from '../builders.ts';
import { type MemoryJournal, memoryJournal } from '../memory-journal.ts';
import { FakeAgents, FakeCluster } from './fake-feeds.ts';
import { simulate } from './simulated-cluster.ts';
import { VirtualTime } from './virtual-time.ts';

const id = 'service-selects-nothing';
const typo = service('shop/typo')
  .port(80)
  .having({ selector: { app: 'wbe' } }).built;
const webPod = { ...pod('shop/web-0', 'node-a', '10.244.1.2'), labels: { app: 'web' } };

interface World {
  readonly time: VirtualTime;
  readonly cluster: FakeCluster;
  readonly journal: MemoryJournal;
  readonly engine: Engine;
}

/** An engine that has come to rest before a cluster without nodes, with shop/typo in it. */
function world(made: readonly Check[] = checks, journal = memoryJournal()): World {
  const time = new VirtualTime('2026-11-22T08:00:00Z');
  const cluster = new FakeCluster(time.now);
  const log = { info: () => undefined, error: () => undefined };
  const engine = new Engine({ cluster, journal, checks: made, log, now: time.now, later: time.later });
  cluster.setService(typo);
  cluster.setSlices('shop/typo', []);
  cluster.setPod(webPod);
  engine.start(new FakeAgents());
  time.pass(10);
  return { time, cluster, journal, engine };
}

/** The same after so long that the finding fires. */
function firing(): World {
  const made = world();
  made.time.pass(310);
  return made;
}

function inShort({ engine }: World): readonly string[] {
  return engine.findings().map(({ check, subject, state }) => {
    return `${check} ${subject.kind === 'Service' ? `${subject.namespace}/${subject.name}` : ''} ${state}`;
  });
}

function only({ engine }: World): TrackedFinding {
  const [finding, ...more] = engine.findings();
  if (finding === undefined || more.length > 0) throw new Error('one finding was expected');
  return finding;
}

/** A check of the API's objects that never finds anything, and counts how often it was asked. */
function counting(): { readonly check: ClusterCheck; asked: number } {
  const found = checks.find((check) => check.id === id);
  if (found?.scope !== 'cluster') throw new Error(`${id} is a check of the cluster`);
  const counter = {
    asked: 0,
    check: {
      ...found,
      evaluate: () => {
        counter.asked++;
        return [];
      },
    },
  };
  return counter;
}

describe('a Service that selects nothing', () => {
  it('is pending at once, fires after its five minutes though nothing changes, and resolves when it is mended', () => {
    const made = world();
    expect(inShort(made)).toEqual([`${id} shop/typo pending`]);
    made.time.pass(280);
    expect(inShort(made)).toEqual([`${id} shop/typo pending`]);
    made.time.pass(30);
    expect(inShort(made)).toEqual([`${id} shop/typo firing`]);
    const { fingerprint, node, nodeUid } = only(made);
    expect([node, nodeUid]).toEqual([null, null]);
    made.cluster.setSlices('shop/typo', [slice('shop/typo').port(8080).ready('10.244.1.2').built]);
    made.time.pass(45);
    expect([inShort(made), made.journal.find(fingerprint)?.state]).toEqual([[], 'resolved']);
  });

  it('is forgotten before it fires where it is mended in time', () => {
    const made = world();
    made.cluster.setSlices('shop/typo', [slice('shop/typo').port(8080).ready('10.244.1.2').built]);
    made.time.pass(400);
    expect(inShort(made)).toEqual([]);
    expect(made.journal.ended({ limit: 10 })).toEqual([]);
  });

  it('is gone with its Service', () => {
    const made = firing();
    const { fingerprint } = only(made);
    made.cluster.deleteService('shop/typo');
    made.time.pass(6);
    expect([inShort(made), made.journal.find(fingerprint)?.state]).toEqual([[], 'gone']);
  });

  it('is unknown after a restart of the aggregator until pods are listed, and fires on in the same episode', () => {
    const made = firing();
    made.engine.stop();
    const { cluster, journal, time } = made;
    const log = { info: () => undefined, error: () => undefined };
    const engine = new Engine({ cluster, journal, checks, log, now: time.now, later: time.later });
    cluster.setHealth('pods', 'not listed yet');
    engine.start(new FakeAgents());
    time.pass(10);
    expect(only({ ...made, engine })).toMatchObject({ state: 'unknown', knownState: 'firing', episode: 1 });
    cluster.setHealth('pods', null);
    time.pass(3600);
    expect(only({ ...made, engine })).toMatchObject({ state: 'firing', episode: 1 });
    expect(journal.commits.flatMap(({ transitions }) => transitions.map(({ kind }) => kind))).not.toContain('resolved');
  });
});

describe('pods that are not known', () => {
  it('freeze what needed them, with the reason, and resolve nothing even where the API would look mended', () => {
    const made = firing();
    made.cluster.setHealth('pods', 'nothing heard for 90 s');
    made.time.pass(10);
    const because = `${id} could not be asked: the API's pods are not known: nothing heard for 90 s`;
    expect(only(made)).toMatchObject({ state: 'unknown', knownState: 'firing', unknownBecause: because });
    made.cluster.setSlices('shop/typo', [slice('shop/typo').port(8080).ready('10.244.1.2').built]);
    made.time.pass(3600);
    expect(inShort(made)).toEqual([`${id} shop/typo unknown`]);
    made.cluster.setSlices('shop/typo', []);
    made.cluster.setHealth('pods', null);
    made.time.pass(10);
    expect(only(made)).toMatchObject({ state: 'firing', episode: 1 });
  });

  it('open nothing that needs them: no pods heard of is not no pods', () => {
    const made = world();
    made.cluster.setHealth('pods', '403 Forbidden');
    made.cluster.setService({ ...typo, name: 'other', uid: 'uid-of-other' });
    made.time.pass(3600);
    expect(inShort(made)).toEqual([`${id} shop/typo unknown`]);
    expect(made.engine.readiness()).toEqual({ ready: true, because: [] });
  });

  it('leave nodes as they are judged', () => {
    const cluster = simulate({ nodes: 2, services: 3, seed: 5 });
    cluster.cluster.setHealth('pods', '403 Forbidden');
    cluster.time.pass(120);
    expect(cluster.engine.nodes().map(({ name, state }) => `${name} ${state}`)).toEqual([
      'node-1 healthy',
      'node-2 healthy',
    ]);
  });
});

describe('a check of policies alone', () => {
  /** A check that says of every namespace with a policy that it has one. */
  function withPolicy() {
    const found = checks.find((check) => check.id === id);
    if (found?.scope !== 'cluster') throw new Error(`${id} is a check of the cluster`);
    const check: ClusterCheck = {
      ...{ ...found, needs: ['policies'], holdForSeconds: 0, clearForSeconds: 0 },
      evaluate: ({ objects }) =>
        [...objects.policies()].map(({ namespace, name }) => ({
          subject: { kind: 'Pod', namespace, name: 'typo' },
          ...{ summary: `${name} is there.`, evidence: [], remediation: [], frontends: [] },
        })),
    };
    const made = world([check]);
    made.cluster.setPolicies([
      {
        ...{ namespace: 'shop', name: 'deny', uid: 'uid-of-deny', createdAt: null },
        podSelector: { matchLabels: {}, matchExpressions: [] },
        ...{ types: ['ingress'], ingress: [], egress: [] },
      },
    ]);
    made.time.pass(10);
    return made;
  }

  it('is asked again when a policy comes or goes', () => {
    const made = withPolicy();
    expect(inShort(made)).toEqual([`${id}  firing`]);
    made.cluster.setPolicies([]);
    made.time.pass(40);
    expect(inShort(made)).toEqual([]);
  });

  it.each(['networkpolicies', 'pods', 'namespaces'] as const)('freezes while the %s of the API are not known', (of) => {
    const made = withPolicy();
    made.cluster.setHealth(of, '403 Forbidden');
    made.time.pass(10);
    expect(only(made)).toMatchObject({
      state: 'unknown',
      unknownBecause: `${id} could not be asked: the API's ${of} are not known: 403 Forbidden`,
    });
    made.cluster.setHealth(of, null);
    made.time.pass(10);
    expect(inShort(made)).toEqual([`${id}  firing`]);
  });
});

describe.each(['services', 'endpointslices', 'nodes'] as const)('the API falling silent (%s)', (of) => {
  it('freezes what was said of its objects, and it fires again when it is heard', () => {
    const made = firing();
    made.cluster.setHealth(of, 'nothing heard for 90 s');
    made.time.pass(10);
    expect(only(made)).toMatchObject({
      state: 'unknown',
      unknownBecause: `the API's ${of} are not known: nothing heard for 90 s`,
    });
    made.cluster.setHealth(of, null);
    made.time.pass(10);
    expect(only(made)).toMatchObject({ state: 'firing', episode: 1 });
  });
});

describe('a check of the API alone', () => {
  it('is not asked while nothing changes', () => {
    const counter = counting();
    const { time } = world([counter.check]);
    const before = counter.asked;
    time.pass(86_400);
    expect([before, counter.asked]).toEqual([1, 1]);
  });

  it('is asked every five seconds and no more often where everything changes all the time, and once after the last change', () => {
    const counter = counting();
    const { time, cluster } = world([counter.check]);
    const before = counter.asked;
    for (let change = 0; change < 300; change++) {
      cluster.setPod({ ...webPod, ready: change % 2 === 0 });
      time.pass(0.2);
    }
    const during = counter.asked - before;
    expect(during).toBeGreaterThanOrEqual(2);
    expect(during).toBeLessThanOrEqual(13);
    const last = counter.asked;
    time.pass(3600);
    expect(counter.asked - last).toBeLessThanOrEqual(1);
  });

  it('sees a change after a rest at the next tick', () => {
    const counter = counting();
    const { time, cluster } = world([counter.check]);
    const before = counter.asked;
    time.pass(600);
    cluster.setPod({ ...webPod, ready: false });
    time.pass(6);
    expect(counter.asked - before).toBe(1);
  });

  it('is asked once for a finding that stands, however long it does', () => {
    const counter = counting();
    const real = checks.find((check) => check.id === id);
    if (real?.scope !== 'cluster') throw new Error(`${id} is a check of the cluster`);
    const check: ClusterCheck = {
      ...real,
      evaluate: (view) => {
        counter.asked++;
        return real.evaluate(view);
      },
    };
    const made = world([check]);
    made.time.pass(3600);
    expect([inShort(made), counter.asked]).toEqual([[`${id} shop/typo firing`], 1]);
  });
});

describe('a journal that refuses', () => {
  it('shows nothing of it until it takes it, and then all', () => {
    const journal = memoryJournal();
    journal.refuse('no space left');
    const made = world(checks, journal);
    expect(inShort(made)).toEqual([]);
    journal.refuse(null);
    made.time.pass(15);
    expect(inShort(made)).toEqual([`${id} shop/typo pending`]);
  });
});

describe('a Namespace that accepts a finding', () => {
  const accepting = (text: string) => ({
    name: 'shop',
    labels: {},
    annotations: text === '' ? {} : { 'plumbline.dev/accept': text },
  });

  it('suppresses it, and it fires again when that is taken back', () => {
    const made = firing();
    made.cluster.setNamespace(accepting(id));
    made.time.pass(6);
    expect(only(made)).toMatchObject({ state: 'suppressed', knownState: 'firing', acceptedUntil: 'always' });
    made.cluster.setNamespace(accepting(''));
    made.time.pass(6);
    expect(only(made)).toMatchObject({ state: 'firing', acceptedUntil: null, episode: 1 });
  });

  it('of another name, or that accepts another check, suppresses nothing', () => {
    const made = firing();
    made.cluster.setNamespace({ ...accepting(id), name: 'edge' });
    made.cluster.setNamespace(accepting('stale-endpoint'));
    made.time.pass(60);
    expect(inShort(made)).toEqual([`${id} shop/typo firing`]);
  });

  it('suppresses it until the time that it says, though nothing changes then', () => {
    const made = firing();
    made.cluster.setNamespace(accepting(`${id}, 2026-11-22T09:00:00Z`));
    made.time.pass(6);
    expect(only(made)).toMatchObject({ state: 'suppressed', acceptedUntil: '2026-11-22T09:00:00.000Z' });
    made.time.pass(3600);
    expect(only(made)).toMatchObject({ state: 'firing', acceptedUntil: null });
  });

  it('is believed while namespaces are not known: what was accepted stays so', () => {
    const made = firing();
    made.cluster.setNamespace(accepting(id));
    made.time.pass(6);
    made.cluster.setHealth('namespaces', '403 Forbidden');
    made.cluster.namespaces.clear();
    made.time.pass(600);
    expect(inShort(made)).toEqual([`${id} shop/typo suppressed`]);
    made.cluster.setHealth('namespaces', null);
    made.time.pass(10);
    expect(inShort(made)).toEqual([`${id} shop/typo firing`]);
  });

  it('counts for findings of nodes about its Services too', () => {
    const cluster = simulate({ nodes: 2, services: 4, seed: 7 });
    cluster.nodes[0]?.loseNextChangeOf('churn/svc-3');
    cluster.services.find((one) => one.key === 'churn/svc-3')?.removeOne();
    cluster.time.pass(45);
    const states = () => cluster.engine.findings().map(({ check, state }) => `${check} ${state}`);
    expect(states()).toEqual(['stale-endpoint firing']);
    cluster.cluster.setNamespace({ ...accepting('stale-endpoint'), name: 'churn' });
    cluster.time.pass(2);
    expect(states()).toEqual(['stale-endpoint suppressed']);
    expect(cluster.engine.nodes().map(({ state }) => state)).toEqual(['healthy', 'healthy']);
  });
});
