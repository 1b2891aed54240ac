/** Audits of the recorded node in ipvs mode (s6*): the node is a virtual machine, kube-proxy v1.36 with scheduler rr. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../aggregator/model/finding.ts';
import { recordingFolder } from '../recordings.ts';
import { audited, factsOf, serviceOf, statesOf } from './audited.ts';

/** Findings of the node; those of the cluster are about its objects, whatever its nodes do. */
async function findingsOf(name: string): Promise<readonly Finding[]> {
  const { report } = await audited(name);
  return report.findings.filter(({ node }) => node === 'node-d');
}

function inShort({ check, subject }: Finding): string {
  return `${check} ${serviceOf({ subject } as Finding) ?? subject.name}`;
}

/** `10.96.23.176 tcp/5004` as facts.json writes it. */
interface StaleFrontends {
  readonly staleWithoutName: readonly { readonly frontends: readonly string[] }[];
}

describe('node-d in ipvs mode', () => {
  it.each(['s6-ipvs-healthy', 's6c-ipvs-recovered'])(
    'in sync has no finding, and every frontend is in sync (%s)',
    async (name) => {
      const audit = await audited(name);
      const nodeD = audit.report.nodes.find((node) => node.name === 'node-d');
      expect(audit.report.findings.filter(({ node }) => node === 'node-d').map(inShort)).toEqual([]);
      expect(statesOf(audit)['node-d']).toBe('healthy');
      expect(nodeD?.frontends.total).toBeGreaterThan(60);
      expect(nodeD?.frontends.inSync).toBe(nodeD?.frontends.total);
    },
  );

  it('with a stopped kube-proxy: exactly the Services that changed, and frontends that nobody has any more (s6b)', async () => {
    const findings = await findingsOf('s6b-ipvs-stale');
    const services = new Set(findings.flatMap((finding) => serviceOf(finding) ?? []));
    expect([...services].sort()).toEqual(factsOf('s6b-ipvs-stale').stale);
    const nameless = findings.flatMap(({ subject }) => (subject.kind === 'Frontend' ? [subject.name] : []));
    const { staleWithoutName } = JSON.parse(
      readFileSync(join(recordingFolder('s6b-ipvs-stale'), 'facts.json'), 'utf8'),
    ) as StaleFrontends;
    const expected = staleWithoutName
      .flatMap(({ frontends }) => frontends)
      .map((text) => {
        const [host = '', protocol = '', port = ''] = text.split(/[ /]/);
        return `${protocol} ${host === '192.168.100.14' ? 'node4' : host}:${port}`;
      });
    expect(nameless.sort()).toEqual(expected.sort());
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set(['proxy-down', 'missing-service', 'stale-endpoint', 'missing-endpoint', 'stale-service']),
    );
  });

  it('damaged by hand in four places: exactly these, each with its effects (s6d)', async () => {
    const findings = await findingsOf('s6d-ipvs-damage');
    const [down] = findings.filter(({ check }) => check === 'proxy-down');
    const unbound = findings.find(({ check }) => check === 'ipvs-unbound-vip');
    // kube-proxy was stopped for the damages to stay, so what is no damage of addresses hangs on that.
    const parents = new Map([
      [down?.fingerprint ?? '', 'proxy-down'],
      [unbound?.fingerprint ?? '', 'ipvs-unbound-vip'],
    ]);
    const told = findings.map((finding) => `${inShort(finding)} < ${parents.get(finding.parent ?? '') ?? '-'}`);
    expect(told.sort()).toEqual([
      'ipvs-unbound-vip batch/worker-lb < -',
      // One entry of KUBE-CLUSTER-IP less: refused where packets come in, not masqueraded from the node itself.
      'missing-masquerade edge/ext-ip < proxy-down',
      'proxy-down node-d < -',
      'rejected-service default/kubernetes < proxy-down',
      'rejected-service edge/ext-ip < proxy-down',
      'stale-service tcp 10.96.250.250:80 < proxy-down',
      'unrejected-service batch/worker-lb < ipvs-unbound-vip',
    ]);
  });
});
