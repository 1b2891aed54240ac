/** What an audit counts of nodes in sync; that it finds nothing on them stands in findings.test.ts. */
import { describe, expect, it } from 'vitest';
import { audited, statesOf } from './audited.ts';

describe('nodes in sync', () => {
  it('have every frontend in sync, none drifted, none unknown, in iptables and nftables mode alike (s1)', async () => {
    const { report } = await audited('s1-healthy');
    expect(report.nodes.map(({ name, mode }) => `${name} ${mode}`)).toEqual([
      'node-a iptables',
      'node-b iptables',
      'node-c nftables',
    ]);
    for (const { frontends } of report.nodes) {
      expect(frontends.total).toBeGreaterThan(60);
      expect(frontends).toEqual({ total: frontends.total, inSync: frontends.total, drifted: 0, unknown: 0 });
    }
  });

  it('have no finding either when only their rules were recorded, but their node ports cannot be told (s2, before)', async () => {
    const audit = await audited('s2-stale-stopped', { bundle: 'before' });
    expect(audit.report.findings).toEqual([]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'unknown', 'node-b': 'unknown', 'node-c': 'unknown' });
    expect(audit.untold.get('node-a')).toMatch(/frontends: node-addresses-unknown/);
  });
});
