import { describe, expect, it } from 'vitest';
import { audit, finding, node } from '../../test/report-builders.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import { failsOn, findingTrees, inNamespace } from './report.ts';

const report = (...findings: Parameters<typeof audit>[1] & {}) => audit([node('node-b')], findings).report;

describe('whether an audit fails', () => {
  it('depends on the least severity that counts', () => {
    const medium = report(finding('uneven-balance', { severity: 'medium' }));
    expect([failsOn(medium, 'low'), failsOn(medium, 'medium'), failsOn(medium, 'high')]).toEqual([true, true, false]);
  });

  it('does not depend on what is unknown, pending or suppressed', () => {
    const states = ['unknown', 'pending', 'suppressed', 'resolved', 'gone'] as const;
    expect(states.map((state) => failsOn(report(finding('stale-endpoint', { state })), 'low'))).toEqual(
      states.map(() => false),
    );
  });

  it('is no, without findings', () => {
    expect(failsOn(report(), 'low')).toBe(false);
  });
});

describe('the findings of one namespace', () => {
  const subject = { kind: 'Service', namespace: 'pay', name: 'ledger', port: '', protocol: 'tcp' } as const;

  it('leave out Services of others, and keep what concerns whole nodes', () => {
    const cause = finding('proxy-down', { subject: { kind: 'Node', name: 'node-b' } });
    const other = finding('stale-service', { subject });
    const own = finding('stale-endpoint', { parent: cause.fingerprint });
    expect(inNamespace(audit([], [cause, other, own]), 'shop').report.findings).toEqual([cause, own]);
  });

  it('stand alone when their cause is of another namespace', () => {
    const cause = finding('dangling-jump', { subject });
    const child = finding('missing-service', { parent: cause.fingerprint });
    expect(inNamespace(audit([], [cause, child]), 'shop').report.findings).toEqual([{ ...child, parent: null }]);
  });
});

describe('the trees of findings', () => {
  it('have causes as roots, in order, with what follows from each', () => {
    const [one, two] = [finding('one'), finding('two')];
    const child = finding('child', { parent: two.fingerprint });
    const leaf = { finding: child, children: [] };
    expect(findingTrees([one, child, two])).toEqual([
      { finding: one, children: [] },
      { finding: two, children: [leaf] },
    ]);
  });
});

describe('a subject in one word', () => {
  it('names port and protocol of a Service where they say something', () => {
    const service = { kind: 'Service', namespace: 'kube-system', name: 'kube-dns' } as const;
    expect(subjectText({ ...service, port: 'dns', protocol: 'udp' })).toBe('kube-system/kube-dns:dns/udp');
    expect(subjectText({ ...service, port: '', protocol: 'tcp' })).toBe('kube-system/kube-dns');
  });

  it('is the name of anything else', () => {
    expect(subjectText({ kind: 'Frontend', name: 'tcp 10.96.0.1:443', port: '443', protocol: 'tcp' })).toBe(
      'tcp 10.96.0.1:443',
    );
    expect(subjectText({ kind: 'Node', name: 'node-b' })).toBe('node-b');
  });
});
