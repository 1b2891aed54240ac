/**
 * An API server that is cut off, forgets, fails or falls silent while nodes go on: findings freeze and go on where they
 * were, and none is false. Nodes are recordings here; the aggregator and the agents are processes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import type { ToldStep } from './aggregator-client.ts';
import { type Cluster, nodeNames, openCluster } from './cluster.ts';
import { withoutFirstEndpoint } from './kube-proxy-rules.ts';
import { pause, secondsSince, until } from './until.ts';

/** The watchdog's patience with a watch that says nothing: aggregator/cluster/watch-stream.ts. */
const silenceSeconds = 90;
const clearSeconds = 30;
/** After a list the aggregator takes differences for such that are being worked on, for so long. */
const settleSeconds = 10;
/** What a busy machine may add to each step. */
const slackSeconds = 15;

interface Scene {
  readonly cluster: Cluster;
  readonly steps: readonly ToldStep[];
}

const scenes = new Map<string, Scene>();
beforeAll(async () => {
  await Promise.all(['fails', 'silent'].map(prepare));
});
afterAll(async () => {
  for (const { cluster } of scenes.values()) await cluster.close();
});

async function prepare(name: string): Promise<void> {
  const cluster = await openCluster({ name, nodes: 'recorded' });
  const steps: ToldStep[] = [];
  scenes.set(name, { cluster, steps });
  await cluster.startAll();
  await cluster.client.follow(steps);
}

function sceneOf(name: string): Scene {
  const scene = scenes.get(name);
  if (scene === undefined) throw new Error(`there is no scene ${name}`);
  return scene;
}

/** Waits until the finding of shop/web is in a state. */
function untilStale({ cluster }: Scene, state: FindingJson['state'], seconds: number): Promise<unknown> {
  return until({
    what: `shop/web on node-a to be ${state}`,
    seconds,
    look: () => cluster.client.findings(`&node=node-a&service=shop/web&state=${state}`),
    met: (seen) => seen.length === 1,
  });
}

/** `stale-endpoint web firing` and so on: every step that is more than a doubt, of whatever finding of a node. */
function claimsOf({ steps }: Scene): readonly string[] {
  return steps.flatMap(({ transition: { kind }, finding }) => {
    if (finding?.node === null || finding?.subject.kind !== 'Service') return [];
    if (!['firing', 'resolved', 'gone'].includes(kind)) return [];
    return [`${finding.check} ${finding.subject.name} ${kind}`];
  });
}

/** The life of the finding of shop/web, as it was told. */
function staleLifeOf({ steps }: Scene): readonly string[] {
  const isStale = (finding: FindingJson | null) =>
    finding?.subject.kind === 'Service' && finding.subject.name === 'web';
  return steps.flatMap(({ transition, finding }) => (isStale(finding) ? [transition.kind] : []));
}

describe.concurrent('an API server', () => {
  it('that cuts, forgets and fails makes findings freeze and go on, and none false', async ({ onTestFailed }) => {
    const scene = sceneOf('fails');
    const { cluster } = scene;
    const { api, client, nodes } = cluster;
    onTestFailed(() => cluster.tellAll());
    cluster.loseEndpoint('shop/web', ['node-b']);

    // Cut: watches begin again where they were, and clocks go on.
    for (let round = 0; round < 4; round++) {
      for (const watch of api.watches()) watch.cut('{"type":"MODI');
      if (round === 2) cluster.loseEndpoint('edge/ext-ip:http', nodeNames);
      await pause(2000);
    }
    await untilStale(scene, 'firing', 40);
    expect(staleLifeOf(scene)).toEqual(['pending', 'firing']);

    // 410: what happened meanwhile is found by a list, and every grace begins again.
    api.forget();
    for (const watch of api.watches()) watch.cut();
    cluster.loseEndpoint('batch/worker-early:http', nodeNames);
    api.forget();
    await untilStale(scene, 'unknown', slackSeconds);
    await untilStale(scene, 'firing', settleSeconds + slackSeconds);
    expect(await client.metric('plumbline_watch_errors_total', { kind: 'endpointslices', reason: '410' })).toBe(1);

    // 500: nothing is known, so what is mended meanwhile stays.
    api.fail({ times: Number.POSITIVE_INFINITY, what: { kind: 'status', status: 500 } });
    for (const watch of api.watches()) watch.cut();
    await untilStale(scene, 'unknown', slackSeconds);
    expect(await client.status('/readyz')).toBe(503);
    expect(new Set((await client.nodes()).map(({ state }) => state))).toEqual(new Set(['unknown']));
    nodes['node-a'].write(withoutFirstEndpoint(nodes['node-a'].rules(), 'shop/web'));
    cluster.loseEndpoint('shop/api-nodeport:admin', nodeNames);
    await pause(5000);
    await untilStale(scene, 'unknown', 1);
    api.mend();
    const mended = performance.now();
    await untilStale(scene, 'resolved', 15 + settleSeconds + clearSeconds + 2 * slackSeconds);
    expect(secondsSince(mended)).toBeGreaterThan(clearSeconds);
    await cluster.untilHealthy();
    expect(staleLifeOf(scene)).toEqual(['pending', 'firing', 'unknown', 'known', 'unknown', 'known', 'resolved']);
    expect(claimsOf(scene)).toEqual(['stale-endpoint web firing', 'stale-endpoint web resolved']);
  });

  it('that falls silent is noticed within 90 s; what nodes do meanwhile is held against nothing', async ({
    onTestFailed,
  }) => {
    const scene = sceneOf('silent');
    const { cluster } = scene;
    const { api, client } = cluster;
    onTestFailed(() => cluster.tellAll());
    // Both kinds have spoken since the start, so what is known is of this moment.
    cluster.touch();
    cluster.loseEndpoint('shop/web', ['node-b']);
    await pause(500);
    for (const watch of api.watches()) watch.silence();
    const silent = performance.now();

    // Every kube-proxy but ours hears of this. It looks like damage on all nodes, and must not fire.
    cluster.loseEndpoint('media/stream:rtp', nodeNames);
    await untilStale(scene, 'firing', 45);
    await untilStale(scene, 'unknown', silenceSeconds);
    expect(secondsSince(silent)).toBeLessThan(silenceSeconds + 2);
    expect(await client.metric('plumbline_watch_errors_total', { kind: 'services', reason: 'silent' })).toBe(1);
    expect(claimsOf(scene)).toEqual(['stale-endpoint web firing']);

    // The watches were opened anew. Where nothing happens a bookmark would say so, within a minute.
    await until({
      what: 'the watches to be opened anew',
      seconds: slackSeconds,
      look: () => ['services', 'endpointslices', 'nodes'].map((kind) => api.requests.get(`watch ${kind}`)),
      met: (seen) => seen.every((count) => count === 2),
    });
    cluster.touch();
    await untilStale(scene, 'firing', settleSeconds + slackSeconds);
    await until({
      what: 'nothing else to be told any more',
      seconds: settleSeconds + slackSeconds,
      look: async () => (await client.findings()).filter(({ node }) => node !== null),
      met: (seen) => seen.length === 1,
    });
    expect(claimsOf(scene)).toEqual(['stale-endpoint web firing']);
    expect(staleLifeOf(scene)).toEqual(['pending', 'firing', 'unknown', 'known']);
  });
});
