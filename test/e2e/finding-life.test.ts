/** The life of findings in a whole system: rules in the kernel, agents and aggregator as processes, gRPC and HTTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { removeAbandoned, whyNotHere } from '../kernel/namespaces.ts';
import type { ToldStep } from './aggregator-client.ts';
import { type Cluster, openCluster } from './cluster.ts';
import type { KernelNode } from './kernel-node.ts';
import { endpointsOf, withoutFirstEndpoint } from './kube-proxy-rules.ts';
import { pause, secondsSince, until } from './until.ts';

/** The wait for kube-proxy, as long as no node is known to need more: aggregator/audit/grace.ts. */
const graceSeconds = 31;
/** Two clean readings are so far apart at least. */
const clearSeconds = 30;
/** Between two readings at most: 5 s on a machine of one's own, more where readings cost more. */
const intervalSeconds = 10;
/** What reading, sending, judging, writing down and asking may take on a busy machine. */
const slackSeconds = 3;

let cluster: Cluster<KernelNode>;
const steps: ToldStep[] = [];

beforeAll(async () => {
  const obstacle = whyNotHere(['iptables-nft', 'iptables-legacy', 'nfacct', 'setpriv', 'stdbuf', 'xtables-monitor']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  cluster = await openCluster({ name: 'life', nodes: 'kernel', without: ['node-c'] });
  await cluster.startAll();
  await cluster.client.follow(steps);
});
afterAll(() => cluster?.close());

/** The steps of one finding that the stream of events told, as `pending` and so on. */
function toldOf({ fingerprint }: FindingJson): readonly string[] {
  return steps.flatMap(({ transition }) => (transition.fingerprint === fingerprint ? [transition.kind] : []));
}

async function recordedOf({ fingerprint }: FindingJson): Promise<readonly string[]> {
  return (await cluster.client.history(fingerprint)).map(({ kind }) => kind);
}

/** Waits until the one cause about a Service on a node is in a state. */
async function untilCause(query: string, state: FindingJson['state'], seconds: number): Promise<FindingJson> {
  const found = await until({
    what: `a finding with ${query} to be ${state}`,
    seconds,
    look: async () =>
      (await cluster.client.findings(`${query}&state=${state}`)).filter(({ parent }) => parent === null),
    met: (seen) => seen.length > 0,
  });
  const [cause, ...others] = found;
  if (cause === undefined || others.length > 0) throw new Error(`several causes: ${JSON.stringify(found)}`);
  return cause;
}

/** Whether every node of the API is counted in one of the three states. */
async function countedNodes(): Promise<number> {
  const counts = ['healthy', 'unhealthy', 'unknown'].map((state) =>
    cluster.client.metric('plumbline_nodes', { state }),
  );
  return (await Promise.all(counts)).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

/** A whole table is written then: what hands do to single rules of it must come before or after. */
const written = Promise.withResolvers<void>();

describe.concurrent('in a cluster of two nodes with agents, and one without', () => {
  it('an endpoint that is gone in the API and not in the rules is found, fires, and resolves', async ({
    onTestFailed,
  }) => {
    onTestFailed(() => {
      written.resolve();
      return cluster.tellAll();
    });
    const { client, nodes } = cluster;
    const stale = '&node=node-a&service=shop/web';
    const changed = performance.now();
    const changedAt = Date.now();
    const gone = cluster.loseEndpoint('shop/web', ['node-b']);

    await untilCause(stale, 'pending', 10 + intervalSeconds + slackSeconds);
    expect(secondsSince(changed)).toBeGreaterThan(10);
    expect((await client.node('node-a')).state).toBe('healthy');

    const fired = await untilCause(stale, 'firing', graceSeconds);
    expect(secondsSince(changed)).toBeGreaterThan(graceSeconds);
    expect(secondsSince(changed)).toBeLessThan(graceSeconds + intervalSeconds + slackSeconds);
    expect(fired).toMatchObject({
      check: 'stale-endpoint',
      layer: 'L3',
      severity: 'critical',
      node: 'node-a',
      subject: { kind: 'Service', namespace: 'shop', name: 'web', port: '', protocol: 'tcp' },
      summary: `node-a forwards shop/web to ${gone.address}:8080, which this node should not use.`,
      shows: 'past-state',
      episode: 1,
      groupNodes: 1,
    });
    expect(Math.abs(Date.parse(fired.since) - changedAt)).toBeLessThan(1000);
    expect(fired.evidence).toContainEqual({ kind: 'rule', table: 'nat', rule: gone.rule, note: '' });
    expect(fired.remediation.map(({ command }) => command)).toContain(
      'kubectl -n kube-system delete pod --field-selector spec.nodeName=node-a -l k8s-app=kube-proxy',
    );
    expect(await client.metric('plumbline_node_state', { node: 'node-a' })).toBe(1);
    expect(await client.metric('plumbline_findings', { check: 'stale-endpoint', state: 'firing' })).toBe(1);
    expect(await client.metric('plumbline_service_findings', { namespace: 'shop', service: 'web' })).toBe(1);
    expect(await client.findings('&node=node-b&service=shop/web')).toEqual([]);

    const mended = performance.now();
    nodes['node-a'].write(withoutFirstEndpoint(nodes['node-a'].rules(), 'shop/web'));
    written.resolve();
    const resolved = await untilCause(stale, 'resolved', clearSeconds + 2 * intervalSeconds + slackSeconds);
    expect(secondsSince(mended)).toBeGreaterThan(clearSeconds);
    expect(resolved).toMatchObject({ fingerprint: fired.fingerprint, episode: 1, firedAt: fired.firedAt });
    expect(await client.metric('plumbline_findings', { check: 'stale-endpoint', state: 'firing' })).toBe(0);
    expect(await recordedOf(fired)).toEqual(['pending', 'firing', 'resolved']);
    expect(toldOf(fired)).toEqual(['pending', 'firing', 'resolved']);
  });

  it('what a hand does to the rules is seen within 2 s where changes are told, else within the interval', async ({
    onTestFailed,
  }) => {
    onTestFailed(() => cluster.tellAll());
    const { client, nodes } = cluster;
    const begun = performance.now();
    // First, for the test below kills this agent as soon as its own finding has fired.
    const untold = await secondsUntilSeen(nodes['node-b'], 2);
    const { readingIntervalSeconds } = await client.node('node-b');
    expect(Math.max(...untold)).toBeLessThan((readingIntervalSeconds ?? 0) + slackSeconds);
    // An agent that has just started has used up what it may use at once: its first readings cost the most.
    await pause(Math.max(0, 30_000 - secondsSince(begun) * 1000));
    await written.promise;
    const told = await secondsUntilSeen(nodes['node-a'], 3);
    expect(Math.max(...told)).toBeLessThan(2);
  });

  it('an agent that is killed leaves its node unknown within 60 s, and nothing resolves by that', async ({
    onTestFailed,
  }) => {
    onTestFailed(() => cluster.tellAll());
    const { client, nodes } = cluster;
    const lost = '&node=node-b&service=shop/api';
    const [damaged] = endpointsOf(nodes['node-b'].rules(), 'shop/api:grpc');
    if (damaged === undefined) throw new Error('shop/api has no endpoint');
    // Until then the aggregator, just started, takes every difference for one that is being worked on.
    await pause(11_000);
    nodes['node-b'].deleteRule(damaged.rule);
    await untilCause(lost, 'pending', intervalSeconds + slackSeconds);
    cluster.touch();
    const fired = await untilCause(lost, 'firing', graceSeconds + intervalSeconds + slackSeconds);
    const before = await client.findings(lost);

    const killed = performance.now();
    await cluster.agent('node-b').end('SIGKILL');
    nodes['node-b'].appendRule(damaged.rule);
    await until({
      what: 'node-b to be unknown',
      seconds: 60,
      look: async () => {
        expect(await countedNodes()).toBe(3);
        return client.node('node-b');
      },
      met: ({ state }) => state === 'unknown',
    });
    expect(secondsSince(killed)).toBeLessThan(60);
    expect(await client.node('node-b')).toMatchObject({
      agent: 'silent',
      unknownBecause: ['the agent of node-b is silent'],
    });
    expect(await client.metric('plumbline_node_state', { node: 'node-b' })).toBe(2);
    const frozen = await client.findings(lost);
    expect(frozen.map(({ fingerprint, state }) => [fingerprint, state])).toEqual(
      before.map(({ fingerprint }) => [fingerprint, 'unknown']),
    );

    cluster.startAgent('node-b');
    const resolved = await untilCause(lost, 'resolved', clearSeconds + 2 * intervalSeconds + 2 * slackSeconds);
    expect(resolved).toMatchObject({ fingerprint: fired.fingerprint, episode: 1 });
    const life = ['pending', 'firing', 'unknown', 'known', 'resolved'];
    expect(await recordedOf(fired)).toEqual(life);
    expect(toldOf(fired)).toEqual(life);
  });
});

/** Damages and mends a Service of the node so many times: the seconds from each damage to the answer that tells of it. */
async function secondsUntilSeen(node: KernelNode, rounds: number): Promise<readonly number[]> {
  const [endpoint] = endpointsOf(node.rules(), 'shop/web-multi:http');
  if (endpoint === undefined) throw new Error('shop/web-multi has no endpoint');
  const look = () => cluster.client.findings(`&node=${node.name}&service=shop/web-multi`);
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    node.deleteRule(endpoint.rule);
    await until({ what: 'the damage to be told', seconds: 20, look, met: (seen) => seen.length > 0 });
    seconds.push(secondsSince(start));
    node.appendRule(endpoint.rule);
    await until({ what: 'it to be told no more', seconds: 20, look, met: (seen) => seen.length === 0 });
  }
  return seconds;
}
