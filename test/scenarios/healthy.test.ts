import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../recordings.ts';
import { audited, statesOf } from './audited.ts';

const notSupported = 'mode nftables is not yet supported';

describe('a cluster in sync', () => {
  it('has no finding; the node in nftables mode is unknown, not healthy (s1)', async () => {
    const audit = await audited('s1-healthy');
    expect(audit.report.findings).toEqual([]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'healthy', 'node-b': 'healthy', 'node-c': 'unknown' });
    expect(audit.untold).toEqual(new Map([['node-c', notSupported]]));
  });

  it('has every frontend in sync, none drifted, none unknown (s1)', async () => {
    const { report } = await audited('s1-healthy');
    const [a, b] = report.nodes;
    expect(a?.frontends.total).toBeGreaterThan(60);
    for (const node of [a, b]) {
      expect(node?.frontends).toEqual({
        total: node?.frontends.total,
        inSync: node?.frontends.total,
        drifted: 0,
        unknown: 0,
      });
    }
  });

  it('has no finding just before its kube-proxy stops (s2, before)', async () => {
    // The rules only were recorded then; all else is as in s1, minutes before.
    const over = recordingFolder('s1-healthy');
    const audit = await audited('s2-stale-stopped', { bundle: 'before', over });
    expect(audit.report.findings).toEqual([]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'healthy', 'node-b': 'healthy', 'node-c': 'unknown' });
  });

  it('has none either when only its rules were recorded, but its node ports cannot be told (s2, before)', async () => {
    const audit = await audited('s2-stale-stopped', { bundle: 'before' });
    expect(audit.report.findings).toEqual([]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'unknown', 'node-b': 'unknown', 'node-c': 'unknown' });
    expect(audit.untold.get('node-a')).toMatch(/frontends: node-addresses-unknown/);
  });

  it('has none after a stopped kube-proxy was started anew (s5)', async () => {
    const audit = await audited('s5-recovered');
    expect(audit.report.findings).toEqual([]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'healthy', 'node-b': 'healthy', 'node-c': 'unknown' });
  });

  it('has none after mixed backends were tidied up, and nodes that were not recorded are unknown (s5b)', async () => {
    const audit = await audited('s5b-recovered-after-mixed');
    expect(audit.report.findings).toEqual([]);
    expect(statesOf(audit)).toEqual({ 'node-a': 'unknown', 'node-b': 'healthy', 'node-c': 'unknown' });
    expect(audit.untold).toEqual(
      new Map([
        ['node-a', 'not recorded'],
        ['node-c', 'not recorded'],
      ]),
    );
  });

  it('has none in the rules that damages start from (s3, healthy)', async () => {
    const audit = await audited('s3-damage', { bundle: 'healthy', api: 'api' });
    expect(audit.report.findings).toEqual([]);
    expect(statesOf(audit)['node-a']).toBe('healthy');
  });
});
