/**
 * What audits say of the API's objects alone, for every recording. Services without an endpoint, and why they are told or
 * not, by what the recorded objects say:
 *
 *   shop/typo             selects app=wbe; the pods of shop/web have app=web                        told
 *   batch/worker          both pods run and are not ready (until they became so between s1 and s2)  told
 *   batch/worker-lb       the same pods                                                             told
 *   batch/worker-early    the same pods, published though they are not ready                        not
 *   shop/draining         its one pod is being deleted and still serves: kube-proxy uses it         not
 *   shop/ext              ExternalName                                                              not
 *   shop/headless         no cluster IP: nodes have nothing to do with it                           not
 *   scale-*               Services without selector                                                 not
 *
 * Hints: shop/web-zone and shop/web-node have what their trafficDistribution asks for.
 */
import { describe, expect, it } from 'vitest';
import { subjectText } from '../../aggregator/model/finding.ts';
import { auditedWhole, type Within } from './audited.ts';

async function ofObjects(name: string, within: Within = {}): Promise<readonly string[]> {
  const { report } = await auditedWhole(name, within);
  return report.findings
    .filter(({ node }) => node === null)
    .map(({ check, severity, subject }) => `${check} ${severity} ${subjectText(subject)}`);
}

const typo = 'service-selects-nothing high shop/typo';
/** True of each recording with pods: the plugins bridge and ptp enforce nothing. */
const open = 'policy-not-enforced high NetworkPolicies';
const unready = ['service-selects-nothing high batch/worker', 'service-selects-nothing high batch/worker-lb'];

describe('an audit tells of the API objects of', () => {
  it.each(['s1-healthy', 's2b-stale-partition'])(
    '%s: the slip of shop/typo, the workers that are not ready, and policies that nothing enforces',
    async (name) => {
      expect(await ofObjects(name)).toEqual([open, ...unready, typo]);
    },
  );

  it.each(['s6-ipvs-healthy', 's6b-ipvs-stale', 's6c-ipvs-recovered', 's6d-ipvs-damage'])(
    '%s: the same, but that node-d has no CNI plugin',
    async (name) => {
      expect(await ofObjects(name)).toEqual([...unready, typo]);
    },
  );

  it.each(['s2-stale-stopped', 's4-mixed-backends', 's5-recovered', 's5b-recovered-after-mixed'])(
    '%s: the slip of shop/typo; the workers are ready by then',
    async (name) => {
      expect(await ofObjects(name)).toEqual([open, typo]);
    },
  );

  it('s3-damage: the same, whatever is damaged on its nodes', async () => {
    expect(await ofObjects('s3-damage', { bundle: 'healthy', api: 'api' })).toEqual([open, typo]);
    expect(await ofObjects('s3-damage', { bundle: 'a-sep-rule-deleted', api: 'api', over: 'healthy' })).toEqual([
      open,
      typo,
    ]);
  });

  it('scale-1000x10: none has a selector', async () => {
    expect(await ofObjects('scale-1000x10')).toEqual([]);
  });
});
