import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { subjectText } from '../../aggregator/model/finding.ts';
import type { Audit } from '../../cli/audit/report.ts';
import { recordingFolder } from '../recordings.ts';
import { audited, factsOf, serviceOf, statesOf } from './audited.ts';

/** The check that names the cause of each damage, and what follows from it. */
const damages = [
  { folder: 'a-sep-rule-deleted', cause: 'dangling-jump' },
  { folder: 'b-svc-chain-flushed', cause: 'dangling-jump' },
  { folder: 'c-dnat-target-changed', cause: 'stale-endpoint' },
  { folder: 'e-duplicate-rule', cause: 'duplicate-rules' },
  { folder: 'f-probability-changed', cause: 'uneven-balance' },
  { folder: 'g-services-entry-deleted', cause: 'missing-service' },
  { folder: 'h-reject-rule-deleted', cause: 'unrejected-service' },
] as const;

function auditDamage(folder: string): Promise<Audit> {
  return audited('s3-damage', { bundle: folder, over: 'healthy', api: 'api' });
}

describe.each(damages)('one damaged rule ($folder)', ({ folder, cause }) => {
  const facts = factsOf('s3-damage', folder);

  it(`has one cause, ${cause}, on the damaged Service port of the damaged node`, async () => {
    const { report } = await auditDamage(folder);
    const causes = report.findings.filter((finding) => finding.parent === null);
    const port = facts.portName === '' ? '' : `:${facts.portName}`;
    const subject = expect.stringMatching(new RegExp(`^${facts.service}${port}(/udp)?$`));
    expect(causes.map((finding) => [finding.check, finding.node, finding.state, subjectText(finding.subject)])).toEqual(
      [[cause, facts.node, 'firing', subject]],
    );
  });

  it('has findings for that Service and for no other', async () => {
    const audit = await auditDamage(folder);
    const services = new Set(audit.report.findings.map(serviceOf));
    services.delete(null);
    expect([...services]).toEqual([facts.service]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'unhealthy', 'node-b': 'unknown', 'node-c': 'unknown' });
  });
});

describe.each(damages)('the same of which only the rules were recorded ($folder)', ({ folder, cause }) => {
  it('has the same cause and Service, and what needs other parts is unknown', async () => {
    const audit = await audited('s3-damage', { bundle: folder, api: 'api' });
    const causes = audit.report.findings.filter((finding) => finding.parent === null);
    expect(causes.map((finding) => [finding.check, serviceOf(finding)])).toEqual([
      [cause, factsOf('s3-damage', folder).service],
    ]);
    expect(audit.untold.get('node-a')).toMatch(/frontends: node-addresses-unknown/);
  });
});

describe('the jump from PREROUTING deleted (d)', () => {
  it('is one cause for everything on the node that pods and outside clients miss', async () => {
    const audit = await auditDamage('d-prerouting-jump-deleted');
    const [cause, ...others] = audit.report.findings.filter((finding) => finding.parent === null);
    expect([cause?.check, cause?.node, cause?.severity, cause?.state]).toEqual([
      'missing-base-jump',
      'node-a',
      'critical',
      'firing',
    ]);
    expect(others).toEqual([]);
    const children = audit.report.findings.filter((finding) => finding !== cause);
    expect(children.length).toBeGreaterThan(20);
    expect(new Set(children.map((finding) => finding.parent))).toEqual(new Set([cause?.fingerprint]));
  });
});

describe('three damages left alone, while the cluster changes (p)', () => {
  const audits = (step: string) =>
    audited('s3-damage', {
      bundle: `p-persistence/${step}`,
      over: 'healthy',
      // Recorded later than the other damages, after s4.
      api: join(recordingFolder('s5b-recovered-after-mixed'), 'api'),
    });

  it('are still all there after waiting: kube-proxy repairs nothing by itself', async () => {
    const { report } = await audits('1-after-waiting');
    const checks = new Set(report.findings.map((finding) => finding.check));
    expect([checks.has('missing-base-jump'), checks.has('dangling-jump')]).toEqual([true, true]);
  });

  it('lose only what the sync of an unrelated change rewrites', async () => {
    const { report } = await audits('2-after-unrelated-change');
    const checks = new Set(report.findings.map((finding) => finding.check));
    expect([checks.has('missing-base-jump'), checks.has('dangling-jump')]).toEqual([true, true]);
  });

  it('keep the missing base jump when the damaged Service itself changed', async () => {
    const { report } = await audits('3-after-related-change');
    const checks = new Set(report.findings.map((finding) => finding.check));
    expect([checks.has('missing-base-jump'), checks.has('dangling-jump')]).toEqual([true, false]);
  });
});
