/** What an agent says of its ways to the aggregator, as the node shows it. */
import { describe, expect, it } from 'vitest';
import type { AgentWay } from '../../aggregator/model/record.ts';
import { simulate, type Simulation } from './simulated-cluster.ts';

const service: AgentWay = {
  address: 'plumbline-aggregator.plumbline.svc:8443',
  kind: 'service',
  inUse: false,
  lastWorkedAt: null,
  lastFailedAt: '2026-11-22T09:00:00.000Z',
  failingSince: '2026-11-22T08:00:00.000Z',
  reason: 'timeout',
};
const pod: AgentWay = {
  ...service,
  address: '10.244.1.7:8443',
  kind: 'pod',
  inUse: true,
  lastWorkedAt: '2026-11-22T09:00:00.000Z',
  lastFailedAt: null,
  failingSince: null,
  reason: null,
};

function told(ways: readonly AgentWay[] | null, cluster = simulate({ nodes: 1, services: 1, seed: 1 })) {
  cluster.agents.say({ kind: 'heard', node: 'node-1', at: cluster.time.now(), figures: null, ways });
  return cluster;
}

function shown(cluster: Simulation) {
  const node = cluster.engine.node('node-1');
  return { ways: node?.ways, says: node?.waysSentence?.slice(0, 19) ?? null };
}

const isoNow = (cluster: Simulation) => new Date(cluster.time.now()).toISOString();

describe('the ways of an agent', () => {
  it('are shown as told; the one in use works as long as the agent is heard', () => {
    const cluster = told([service, pod]);
    cluster.time.pass(10);
    told(null, cluster);
    expect(shown(cluster)).toEqual({
      ways: [service, { ...pod, lastWorkedAt: isoNow(cluster) }],
      says: 'The Service address',
    });
  });

  it('are those of the last stream when it has ended, and say nothing of now once the agent is silent', () => {
    const cluster = told([service, pod]);
    const lastWorkedAt = isoNow(cluster);
    cluster.nodes[0]?.killAgent();
    cluster.agents.say({ kind: 'disconnected', node: 'node-1', at: cluster.time.now() });
    cluster.time.pass(60);
    expect(shown(cluster)).toEqual({ ways: [service, { ...pod, inUse: false, lastWorkedAt }], says: null });
  });

  it('are forgotten with the stream of an agent that tells of none', () => {
    const cluster = told([service, pod]);
    cluster.agents.say({ kind: 'connected', node: 'node-1', agentVersion: '0.1.0', at: cluster.time.now() });
    expect(shown(cluster)).toEqual({ ways: [], says: null });
  });
});
