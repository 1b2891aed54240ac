/** Rollouts without end: what a correct kube-proxy does in time is never a finding, what a broken one does is one. */
import { describe, expect, it } from 'vitest';
import type { TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import type { Entry, FrontendKey } from '../../proto/forwarding.ts';
import { backend } from '../view-builders.ts';
import { type Simulation, simulate, type Told } from './simulated-cluster.ts';

const rollouts = 1000;

/** Rolls Services all the time, one every few seconds. */
function churn({ time, random, services }: Simulation, count: number, isQuiet: (key: string) => boolean): void {
  const rolling = services.filter(({ key }) => !isQuiet(key));
  for (let rolled = 0; rolled < count; rolled++) {
    rolling[Math.floor(random() * rolling.length)]?.roll();
    time.pass(random() * 3);
  }
}

/** What fired, as `check node subject`. */
function firedIn(told: readonly Told[]): readonly TrackedFinding[] {
  return told.flatMap(({ transition, finding }) => (transition.kind === 'firing' && finding !== null ? [finding] : []));
}

/** The causes that fired; what follows from another finding is left out. */
function causesIn(told: readonly Told[]): readonly string[] {
  return firedIn(told)
    .filter(({ parent }) => parent === null)
    .map(inShort);
}

function inShort({ check, node, subject, parent }: TrackedFinding): string {
  const name = subject.kind === 'Service' ? `${subject.namespace}/${subject.name}` : subject.name;
  return `${check} ${node} ${name}${parent === null ? '' : ' (effect)'}`;
}

describe('a thousand random rollouts', () => {
  it.each([
    [1, ['iptables']],
    [2, ['nftables', 'ipvs', 'nftables']],
  ] as const)('with kube-proxies that follow: no finding fires (seed %i, %j)', (seed, modes) => {
    const cluster = simulate({ nodes: 5, services: 40, seed, modes });
    churn(cluster, rollouts, () => false);
    cluster.time.pass(60);
    expect(firedIn(cluster.told).map(inShort)).toEqual([]);
    expect(cluster.engine.nodes().map(({ state }) => state)).toEqual(Array(5).fill('healthy'));
    expect(cluster.engine.findings()).toEqual([]);
  });
});

describe('rollouts whose rules are written as nft prints them, and read as agents do', () => {
  const small = { nodes: 2, services: 8, modes: ['nftables'], reads: 'text' } as const;

  it('with kube-proxies that follow: no finding fires', () => {
    const cluster = simulate({ ...small, seed: 3 });
    churn(cluster, 150, () => false);
    cluster.time.pass(60);
    expect(firedIn(cluster.told).map(inShort)).toEqual([]);
    expect(cluster.engine.nodes().map(({ state }) => state)).toEqual(['healthy', 'healthy']);
    expect(cluster.engine.findings()).toEqual([]);
  });

  it('and one element of a map deleted: one finding on that node, until kube-proxy writes everything', () => {
    const cluster = simulate({ ...small, seed: 4 });
    const isQuiet = (key: string): boolean => key === 'churn/svc-3';
    churn(cluster, 20, isQuiet);
    const [, node] = cluster.nodes;
    node?.rules?.deleteElement('service-ips', '10.96.1.3 . tcp . 80');
    churn(cluster, 40, isQuiet);
    expect(causesIn(cluster.told)).toEqual(['missing-service node-2 churn/svc-3']);
    node?.restartProxy();
    churn(cluster, 40, isQuiet);
    cluster.time.pass(120);
    expect(cluster.engine.findings()).toEqual([]);
    expect(causesIn(cluster.told)).toEqual(['missing-service node-2 churn/svc-3']);
  });
});

describe('a fault in the middle of rollouts', () => {
  const quiet = (key: string): boolean => ['churn/svc-3', 'churn/svc-7'].includes(key);

  /** A cluster that rolls for a while, and goes on to. */
  function rolling(seed: number): Simulation {
    const modes = seed % 2 === 0 ? (['nftables'] as const) : (['iptables', 'nftables', 'ipvs'] as const);
    const cluster = simulate({ nodes: 4, services: 30, seed, modes });
    churn(cluster, 40, quiet);
    return cluster;
  }

  it.each([11, 12])('a hung watch is one cause, with every stale Service below it, since it hung (seed %i)', (seed) => {
    const cluster = rolling(seed);
    const [, hung] = cluster.nodes;
    const hungAt = cluster.time.now();
    hung?.hangProxy();
    churn(cluster, 80, quiet);
    const open = cluster.engine.findings();
    expect(new Set(open.map(({ node }) => node))).toEqual(new Set(['node-2']));
    const roots = open.filter(({ parent, state }) => parent === null && state === 'firing');
    expect(roots.map(inShort)).toEqual(['proxy-stalled node-2 node-2']);
    const since = Date.parse(roots[0]?.since ?? '');
    expect(since).toBeGreaterThanOrEqual(hungAt - 5000);
    expect(since).toBeLessThanOrEqual(hungAt + 15_000);
    const fired = firedIn(cluster.told).filter(({ check }) => check === 'proxy-stalled');
    expect(fired.length).toBe(1);
    hung?.restartProxy();
    churn(cluster, 60, quiet);
    cluster.time.pass(120);
    expect(cluster.engine.findings()).toEqual([]);
    expect(firedIn(cluster.told).filter(({ check }) => check === 'proxy-stalled').length).toBe(1);
  });

  it.each([21, 22])('a lost change is one finding on that node, since the change (seed %i)', (seed) => {
    const cluster = rolling(seed);
    const service = cluster.services.find(({ key }) => key === 'churn/svc-3');
    cluster.nodes[2]?.loseNextChangeOf('churn/svc-3');
    const changedAt = cluster.time.now();
    service?.removeOne();
    churn(cluster, 60, quiet);
    const fired = firedIn(cluster.told);
    expect(causesIn(cluster.told)).toEqual(['stale-endpoint node-3 churn/svc-3']);
    expect(fired[0]).toMatchObject({ shows: 'past-state', since: new Date(changedAt).toISOString() });
    service?.addOne();
    churn(cluster, 40, quiet);
    cluster.time.pass(120);
    expect(cluster.engine.findings()).toEqual([]);
    expect(causesIn(cluster.told)).toEqual(['stale-endpoint node-3 churn/svc-3']);
  });

  it.each([31, 32])('a damaged chain is one finding on that node, never wanted (seed %i)', (seed) => {
    const cluster = rolling(seed);
    const [node] = cluster.nodes;
    const key = 'tcp 10.96.1.7:80' as FrontendKey;
    const damagedAt = cluster.time.now();
    node?.damage(key, (entry) => withBackend(entry, '10.244.99.99:8080'));
    churn(cluster, 60, quiet);
    const fired = firedIn(cluster.told);
    expect(causesIn(cluster.told)).toEqual(['stale-endpoint node-1 churn/svc-7']);
    expect(new Set(fired.map(({ frontends }) => frontends.join()))).toEqual(new Set([key]));
    expect(fired[0]?.shows).not.toBe('past-state');
    expect(Date.parse(fired[0]?.since ?? '') - damagedAt).toBeLessThanOrEqual(5000);
    node?.restartProxy();
    churn(cluster, 40, quiet);
    cluster.time.pass(120);
    expect(cluster.engine.findings()).toEqual([]);
    expect(firedIn(cluster.told)).toEqual(fired);
  });
});

/** The same, with one backend instead of the first. */
function withBackend({ frontend, forwarding }: Entry, wrong: string): Entry {
  const changed = (fate: Entry['forwarding']['pod']): Entry['forwarding']['pod'] => {
    if (fate.route.action !== 'forward') return fate;
    const backends = [...fate.route.backends.slice(1), backend(wrong)].sort();
    return { ...fate, route: { ...fate.route, backends } };
  };
  const { pod, node, outside } = forwarding;
  return { frontend, forwarding: { pod: changed(pod), node: changed(node), outside: changed(outside) } };
}
