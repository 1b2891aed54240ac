/** A running aggregator that is asked which layer broke first: by its nodes' newest readings, and by its open findings. */
import { describe, expect, it } from 'vitest';
import { simulate, type Simulation } from './simulated-cluster.ts';

/** Three nodes and six Services; the first node shows an endpoint of svc-3 that was removed. */
function withStaleNode(): Simulation {
  const cluster = simulate({ nodes: 3, services: 6, seed: 7 });
  cluster.nodes[0]?.loseNextChangeOf('churn/svc-3');
  cluster.services.find((one) => one.key === 'churn/svc-3')?.removeOne();
  cluster.time.pass(45);
  return cluster;
}

/** The verdict of L3, as the first step says it. */
function translation(cluster: Simulation, from: string) {
  const answer = cluster.engine.diagnose({ from, to: 'svc/churn/svc-3', port: null, protocol: null });
  if (!answer.ok) throw new Error(answer.problem);
  const step = answer.diagnosis.steps.find(({ layer }) => layer === 'L3');
  const { verdict, sentence, finding, ageSeconds } = step ?? {};
  return {
    verdict,
    ageSeconds,
    says: sentence?.replaceAll(/\(tcp [^)]*\)|\d+\.\d+\.\d+\.\d+:\d+/g, '...'),
    by: finding?.check ?? null,
  };
}

describe('a diagnosis by the running aggregator', () => {
  it('is of the node of who asks, as it was read last', () => {
    const cluster = withStaleNode();
    expect(translation(cluster, 'node/node-1')).toEqual({
      verdict: 'fail',
      ageSeconds: 4,
      says: "node-1's kube-proxy still sends 1 of 5 connections to churn/svc-3:http ... to ..., a pod that is gone; it shows what was wanted until 08:02:00 UTC.",
      by: 'stale-endpoint',
    });
    expect(translation(cluster, 'node/node-2').verdict).toBe('pass');
  });

  it('is not decided while a change is on its way', () => {
    const cluster = simulate({ nodes: 3, services: 6, seed: 7 });
    cluster.nodes[0]?.loseNextChangeOf('churn/svc-3');
    cluster.services.find((one) => one.key === 'churn/svc-3')?.removeOne();
    cluster.time.pass(5);
    expect(translation(cluster, 'node/node-1')).toEqual({
      verdict: 'unknown',
      ageSeconds: 4,
      says: 'node-1 has not followed the newest change of churn/svc-3:http ... yet: it does forward to ..., ..., ..., ... and ..., and forward to ..., ..., ... and ... is wanted.',
      by: null,
    });
  });

  it('is unknown once the agent is silent', () => {
    const cluster = withStaleNode();
    cluster.nodes[0]?.killAgent();
    cluster.time.pass(60);
    expect(translation(cluster, 'node/node-1')).toEqual({
      verdict: 'unknown',
      ageSeconds: null,
      says: 'What node-1 does with packets to churn/svc-3:http ... is not known: nothing is known of node-1 (the agent of node-1 is silent).',
      by: null,
    });
  });
});
