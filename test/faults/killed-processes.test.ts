/** Aggregators and agents that are ended at any moment, with what they have shown held against what they show next. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ToldStep } from '../e2e/aggregator-client.ts';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { type Cluster, type NodeName, nodeNames, openCluster } from '../e2e/cluster.ts';
import { plumbline } from '../e2e/programs.ts';
import { secondsSince, until } from '../e2e/until.ts';
import { ShownFindings, watchClosely } from './shown-findings.ts';
import { Vandal } from './vandal.ts';

const kills = 25;
/** By turns of both nodes. An agent that begins more than five streams in a minute is kept out for a while. */
const agentKills = 6;
/** What an orderly end may take; Kubernetes would wait for 30 s. */
const stopSeconds = 20;

interface Scene {
  readonly cluster: Cluster;
  readonly vandal: Vandal;
}

const scenes = new Map<string, Scene>();
beforeAll(async () => {
  await Promise.all(['aggregator', 'agent'].map(prepare));
});
afterAll(async () => {
  for (const { cluster } of scenes.values()) await cluster.close();
});

async function prepare(name: string): Promise<void> {
  const cluster = await openCluster({ name, nodes: 'recorded' });
  scenes.set(name, { cluster, vandal: new Vandal(cluster) });
  await cluster.startAll();
}

function sceneOf(name: string): Scene {
  const scene = scenes.get(name);
  if (scene === undefined) throw new Error(`there is no scene ${name}`);
  return scene;
}

/** The steps that are told from now until the aggregator ends. */
async function listen({ client }: Cluster): Promise<readonly ToldStep[]> {
  const steps: ToldStep[] = [];
  await until({ what: 'the aggregator to answer', seconds: 10, look: () => client.follow(steps), met: () => true });
  return steps;
}

/** Waits for the moment of the kill: in the start, about the writing of a step, or at any time. */
async function untilKill(kill: number, cluster: Cluster, shown: ShownFindings): Promise<void> {
  if (kill % 4 < 2) {
    await pause(Math.random() * 1500);
    return;
  }
  const steps = await listen(cluster);
  if (kill % 4 === 2) {
    const deadline = performance.now() + 15_000;
    while (steps.length === 0 && performance.now() < deadline) await pause(1);
    await pause(Math.random() * 20);
  } else await pause(Math.random() * 5000);
  for (const step of steps) shown.hear(step);
}

/** What its log says of connections, of all that ran on the node. */
function connectionsOf(cluster: Cluster, name: NodeName): readonly string[] {
  return cluster
    .agent(name)
    .lastLines(1000)
    .split('\n')
    .filter((line) => line.includes('connected to the aggregator'));
}

describe.concurrent('processes that are ended', () => {
  it(`an aggregator killed at ${kills} moments loses no finding and doubles none`, { timeout: 280_000 }, async ({
    onTestFailed,
  }) => {
    const { cluster, vandal } = sceneOf('aggregator');
    onTestFailed(() => cluster.tellAll());
    const shown = new ShownFindings();
    const endWatch = watchClosely(cluster, shown);
    await pause(11_000);
    for (let strike = 0; strike < 4; strike++) vandal.strike();
    await until({
      what: 'pending findings',
      seconds: 20,
      look: () => ofNodes(cluster),
      met: ({ length }) => length >= 4,
    });
    cluster.touch();
    const firing = async () => (await ofNodes(cluster)).filter(({ state }) => state === 'firing');
    await until({ what: 'findings to fire', seconds: 45, look: firing, met: ({ length }) => length >= 4 });

    for (let kill = 0; kill < kills; kill++) {
      if (kill % 2 === 0) setTimeout(() => vandal.strike(), Math.random() * 3000);
      await untilKill(kill, cluster, shown);
      await cluster.aggregator.end('SIGKILL');
      cluster.startAggregator();
    }
    const steps = await listen(cluster);
    await until({
      what: 'every finding to fire',
      seconds: 75,
      look: async () => {
        cluster.touch();
        return (await ofNodes(cluster)).map(({ state, check, node }) => `${check} ${node} ${state}`);
      },
      met: (seen) => seen.length > 20 && seen.every((text) => text.endsWith(' firing')),
    });
    await endWatch();
    for (const step of steps) shown.hear(step);
    // What is said of the recorded Services themselves is pending for minutes.
    const findings = await cluster.client.findings();
    const ofCluster = new Set(findings.flatMap(({ node, fingerprint }) => (node === null ? [fingerprint] : [])));
    for (const fingerprint of shown.fingerprints) {
      if (ofCluster.has(fingerprint)) continue;
      const life = (await cluster.client.history(fingerprint)).map(({ kind }) => kind);
      if (!/^pending( unknown known)*( unknown)? firing( unknown known)*$/.test(life.join(' '))) {
        shown.wrong.add(`the life of ${fingerprint} is ${life}`);
      }
    }
    expect([...shown.wrong]).toEqual([]);
  });

  it('an agent killed at any moment, an upload under way or not, makes nothing false', { timeout: 200_000 }, async ({
    onTestFailed,
  }) => {
    const { cluster, vandal } = sceneOf('agent');
    const { client } = cluster;
    onTestFailed(() => cluster.tellAll());
    const shown = new ShownFindings();
    await pause(11_000);
    for (let strike = 0; strike < 12; strike++) vandal.strike();
    await until({
      what: 'pending findings',
      seconds: 20,
      look: () => ofNodes(cluster),
      met: ({ length }) => length > 11,
    });
    const states = async () => {
      cluster.touch();
      return (await ofNodes(cluster)).map(({ state }) => state);
    };
    const firing = {
      seconds: 45,
      look: states,
      met: (seen: readonly string[]) => seen.every((one) => one === 'firing'),
    };
    await until({ what: 'all findings to fire', ...firing });

    const endWatch = watchClosely(cluster, shown);
    const steps: ToldStep[] = [];
    await client.follow(steps);
    for (let kill = 0; kill < agentKills; kill++) {
      const name = nodeNames[kill % 2] ?? 'node-a';
      await cluster.agent(name).end('SIGKILL');
      // Its table is unlike any that the aggregator has: some of it must be sent.
      vandal.strike();
      const { length } = connectionsOf(cluster, name);
      cluster.startAgent(name);
      const look = () => connectionsOf(cluster, name);
      await until({ what: `${name} to connect`, seconds: 10, look, met: (seen) => seen.length > length });
      await pause(Math.random() * 500);
    }
    for (const name of nodeNames) {
      await cluster.agent(name).end('SIGKILL');
      cluster.startAgent(name);
    }
    await until({ what: 'all findings to fire again', ...firing });
    await endWatch();
    for (const step of steps) shown.hear(step);
    expect([...shown.wrong]).toEqual([]);
    const known = new Set(shown.fingerprints);
    expect(steps.filter(({ transition }) => !known.has(transition.fingerprint))).toEqual([]);
  });
});

/** The findings of nodes, not those of the recorded Services themselves. */
async function ofNodes({ client }: Cluster): Promise<readonly FindingJson[]> {
  return (await client.findings()).filter(({ node }) => node !== null);
}

describe('an aggregator', () => {
  it('refuses a journal that another one has, which goes on', async ({ onTestFailed }) => {
    const { cluster } = sceneOf('agent');
    onTestFailed(() => cluster.tellAll());
    const before = await cluster.client.findings();
    const http = ['--listen-http', '127.0.0.1:0', '--agent-socket', `node-a=${cluster.folder}/second.sock`];
    const second = cluster.start('second aggregator', [
      plumbline,
      'aggregator',
      ...cluster.aggregatorOptions(),
      ...http,
    ]);
    await until({ what: 'it to end', seconds: 10, look: () => second.isRunning, met: (isRunning) => !isRunning });
    expect(await second.end('SIGTERM')).toBe(2);
    expect(second.lastLines(1)).toMatch(
      /cannot run the aggregator: opening the journal: another process holds .*\/journal/,
    );
    const after = await cluster.client.findings();
    expect(after.map(({ fingerprint }) => fingerprint)).toEqual(before.map(({ fingerprint }) => fingerprint));
  });

  it(`told to stop in the midst of work ends well within ${stopSeconds} s, and begins where it was`, async ({
    onTestFailed,
  }) => {
    const { cluster, vandal } = sceneOf('agent');
    onTestFailed(() => cluster.tellAll());
    const { client } = cluster;
    const findings = { seconds: 30, look: () => ofNodes(cluster), met: (seen: readonly unknown[]) => seen.length > 0 };
    vandal.strike();
    await until({ what: 'findings', ...findings });
    const shown = new ShownFindings();
    const endWatch = watchClosely(cluster, shown);
    await Promise.all(Array.from({ length: 20 }, () => client.follow([])));
    const work = setInterval(() => {
      cluster.touch();
      void client.metric('plumbline_ready').catch(() => null);
      void client.nodes().catch(() => null);
    }, 10).unref();
    await pause(2000);
    vandal.strike();
    const told = performance.now();
    expect(await cluster.aggregator.end('SIGTERM')).toBe(0);
    expect(secondsSince(told)).toBeLessThan(stopSeconds);
    clearInterval(work);
    cluster.startAggregator();
    await until({ what: 'the findings again', ...findings });
    await endWatch();
    expect([...shown.wrong]).toEqual([]);
  });
});
