import { describe, expect, it } from 'vitest';
import type { NodeParts } from '../../proto/parts.ts';
import { nodeRecord } from '../../test/audit-record.ts';
import { kubeProxy, noParts } from '../../test/view-builders.ts';
import { nodeDetail } from './node-detail.ts';

const record = nodeRecord('node-a');
const collectedAt = '2026-11-22T11:59:30.000Z';

describe('one node', () => {
  it('has nothing of a report before the first', () => {
    expect(nodeDetail(record, { report: null })).toEqual({ ...record, parts: [], network: [], kubeProxy: null });
  });

  it('tells which parts were read when, which failed and why, and which it has not', () => {
    const parts: NodeParts = {
      ...noParts,
      kubeProxy: { ...kubeProxy(), collectedAt } as NodeParts['kubeProxy'],
      routes: { state: 'failed', reason: 'not permitted' },
    };
    const told = nodeDetail(record, { report: { parts } }).parts.filter(({ name }) =>
      ['kubeProxy', 'routes', 'cni'].includes(name),
    );
    expect(told).toEqual(
      expect.arrayContaining([
        { name: 'kubeProxy', state: 'ok', collectedAt, reason: null },
        { name: 'routes', state: 'failed', collectedAt: null, reason: 'not permitted' },
        { name: 'cni', state: 'absent', collectedAt: null, reason: null },
      ]),
    );
  });

  it("has kube-proxy's own word: its newest sync of both families, and all the rules that it believes in", () => {
    const word = kubeProxy({
      healthz: 'healthy',
      livez: 'unhealthy',
      lastSync: [
        { family: 'ipv4', seconds: 1_763_812_800 },
        { family: 'ipv6', seconds: 1_763_812_790 },
      ],
      lastQueued: [],
      believedRules: [
        { family: 'ipv4', table: 'nat', rules: 100 },
        { family: 'ipv6', table: 'nat', rules: 20 },
      ],
      problems: ['GET http://127.0.0.1:10249/configz: 404'],
    });
    expect(nodeDetail(record, { report: { parts: { ...noParts, kubeProxy: word } } }).kubeProxy).toEqual({
      healthz: 'healthy',
      livez: 'unhealthy',
      lastSyncAt: '2025-11-22T12:00:00.000Z',
      lastQueuedAt: null,
      believedRules: 120,
      problems: ['GET http://127.0.0.1:10249/configz: 404'],
    });
  });
});
