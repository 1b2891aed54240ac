import { describe, expect, it } from 'vitest';
import type { Finding } from '../../aggregator/model/finding.ts';
import { audited, type Facts, factsOf, serviceOf, statesOf } from './audited.ts';

/** The checks that must speak of a Service after such a change, when its node did not follow. */
const checksAfter: Readonly<Record<string, readonly string[]>> = {
  'endpoint-removed': ['stale-endpoint'],
  'endpoint-not-ready': ['stale-endpoint'],
  'endpoint-added': ['missing-endpoint'],
  'service-deleted': ['stale-service'],
  'service-added': ['missing-service'],
  'targetPort-changed': ['missing-endpoint', 'stale-endpoint'],
  'nodePort-changed': ['missing-service', 'stale-service'],
  'sessionAffinity-timeout-changed': ['affinity-mismatch'],
  'externalIP-changed': ['missing-service', 'stale-service'],
  'loadBalancerSourceRanges-changed': ['source-range-mismatch'],
};

/** A Service whose only endpoint became ready is rejected still; one that has others lacks the new one. */
const firstEndpointOf = ['batch/worker', 'batch/worker-lb'];

function expectedChecks({ changes = [] }: Facts): Readonly<Record<string, readonly string[]>> {
  const expected = new Map<string, Set<string>>();
  for (const { kind, service, services = [] } of changes) {
    for (const name of service === undefined ? services : [service]) {
      const ready = firstEndpointOf.includes(name) ? 'rejected-service' : 'missing-endpoint';
      const checks = kind === 'endpoint-became-ready' ? [ready] : checksAfter[kind];
      if (checks === undefined) throw new Error(`no check is known for the change ${kind}`);
      expected.set(name, new Set([...(expected.get(name) ?? []), ...checks]));
    }
  }
  return sortedSets(expected);
}

function foundChecks(findings: readonly Finding[]): Readonly<Record<string, readonly string[]>> {
  const found = new Map<string, Set<string>>();
  for (const finding of findings) {
    const service = serviceOf(finding);
    if (service !== null) found.set(service, new Set([...(found.get(service) ?? []), finding.check]));
  }
  return sortedSets(found);
}

function sortedSets(sets: ReadonlyMap<string, ReadonlySet<string>>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...sets].sort().map(([name, set]) => [name, [...set].sort()]));
}

describe.each(['s2-stale-stopped', 's2b-stale-partition'])('a node that did not follow the cluster (%s)', (name) => {
  const facts = factsOf(name);

  it('has findings for exactly the Services that are stale there, each by the check for what changed', async () => {
    const { report } = await audited(name);
    const found = foundChecks(report.findings);
    expect(Object.keys(found)).toEqual([...(facts.stale ?? [])].sort());
    expect(found).toEqual(expectedChecks(facts));
  });

  it('is the only one with findings', async () => {
    const audit = await audited(name);
    expect([...new Set(audit.report.findings.map((finding) => finding.node))]).toEqual(facts.staleNodes);
    expect(statesOf(audit)).toMatchObject({ 'node-a': 'healthy', 'node-b': 'unhealthy', 'node-c': 'healthy' });
  });
});

describe('a kube-proxy that does not answer', () => {
  it('is the cause, and all else on its node follows from it (s2)', async () => {
    const { report } = await audited('s2-stale-stopped');
    const causes = report.findings.filter((finding) => finding.parent === null);
    expect(causes.map(({ check, node, severity, state }) => ({ check, node, severity, state }))).toEqual([
      { check: 'proxy-down', node: 'node-b', severity: 'critical', state: 'firing' },
    ]);
    const parents = new Set(report.findings.map((finding) => finding.parent));
    expect(parents).toEqual(new Set([null, causes[0]?.fingerprint]));
  });
});

describe('a kube-proxy that is cut off from the API server', () => {
  it('calls itself healthy, so each stale Service is a finding of its own (s2b)', async () => {
    const { report } = await audited('s2b-stale-partition');
    expect(report.findings.filter((finding) => finding.check === 'proxy-down')).toEqual([]);
    expect(report.findings.every((finding) => finding.state === 'firing')).toBe(true);
  });
});
