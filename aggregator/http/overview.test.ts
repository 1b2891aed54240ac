import { describe, expect, it } from 'vitest';
import { auditRecord, minutesAgo, nodeRecord, noon, serviceDetail, tracked } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import type { NodeRecord } from '../model/record.ts';
import { buildApp } from './app.ts';
import type { HeatmapJson } from './schemas/overview.ts';

const stalled = tracked('proxy-stalled', { fingerprint: '1'.repeat(16), severity: 'critical', group: 'stalled' });
const effect = tracked('stale-endpoint', { fingerprint: '2'.repeat(16), parent: '1'.repeat(16) });
const onOther = tracked('proxy-stalled', { fingerprint: '3'.repeat(16), group: 'stalled', node: 'node-a' });
const waiting = tracked('hairpin-broken', { fingerprint: '4'.repeat(16), state: 'pending', node: 'node-a' });
const accepted = tracked('hairpin-broken', { fingerprint: '5'.repeat(16), state: 'suppressed', node: 'node-c' });

const record = auditRecord({
  nodes: [
    nodeRecord('node-a'),
    nodeRecord('node-b', { state: 'unhealthy', lastReadingAt: minutesAgo(3) }),
    nodeRecord('node-c'),
    nodeRecord('node-d', { state: 'unknown', lastReadingAt: null }),
  ],
  findings: [stalled, effect, waiting, accepted],
  services: [serviceDetail('shop/web', { findings: { firing: 1, pending: 0 } }), serviceDetail('shop/api')],
});

async function get(url: string, seen = record) {
  return (await buildApp(httpOptions({ record: seen })).inject(url)).json();
}

describe('the overview', () => {
  it('counts nodes, Services and causes, and shows the worst', async () => {
    const { sentence, worst, ...counts } = await get('/api/v1/overview');
    expect(counts).toEqual({
      apiVersion: 'plumbline.dev/v1',
      kind: 'Overview',
      at: new Date(noon).toISOString(),
      ready: true,
      because: [],
      nodes: { healthy: 2, unhealthy: 1, unknown: 1, total: 4, reportedWithinMinute: 2 },
      services: { total: 2, withFindings: 1 },
      findings: { critical: 1, high: 0, medium: 0, low: 0, pending: 1, unknown: 0, suppressed: 1 },
    });
    expect(sentence).toContain('1 of 4 nodes differs');
    expect(worst.map(({ fingerprint }: { readonly fingerprint: string }) => fingerprint)).toEqual([
      stalled.fingerprint,
    ]);
  });

  it('shows the same trouble on several nodes once', async () => {
    const many = auditRecord({
      nodes: [nodeRecord('node-b')],
      findings: [stalled, { ...onOther, severity: 'critical' }],
    });
    const { worst } = await get('/api/v1/overview', many);
    expect(worst).toHaveLength(1);
    expect(worst[0].groupNodes).toBe(2);
  });
});

describe('the heat map', () => {
  it('has one character for each layer of each node, the worst node first', async () => {
    expect(await get('/api/v1/heatmap')).toEqual({
      apiVersion: 'plumbline.dev/v1',
      kind: 'Heatmap',
      layers: ['L1', 'L2', 'L3', 'L4', 'L5'],
      nodes: [
        { name: 'node-b', state: 'unhealthy', cells: '..C--' },
        { name: 'node-d', state: 'unknown', cells: '...??' },
        { name: 'node-a', state: 'healthy', cells: '..p--' },
        { name: 'node-c', state: 'healthy', cells: '...--' },
      ],
    });
  });

  it('tells layers apart that are not known, that are not looked at, and nodes before the first look', async () => {
    const layers: NodeRecord['layers'] = [
      { layer: 'L1', state: 'not-looked-at', because: ['not reported: cni'] },
      { layer: 'L2', state: 'unknown', because: ['links: not permitted'] },
      { layer: 'L3', state: 'known', because: [] },
    ];
    const inLayer = (layer: 'L1' | 'L2', fingerprint: string) =>
      tracked('made-up', { layer, node: 'node-c', severity: 'high', fingerprint: fingerprint.repeat(16) });
    const nodes = [
      nodeRecord('node-a', { state: 'unknown', layers }),
      nodeRecord('node-b', { state: 'unknown', layers: [] }),
      nodeRecord('node-c', { layers }),
      nodeRecord('node-d', { layers: [] }),
    ];
    const seen = auditRecord({ nodes, findings: [inLayer('L1', '6'), inLayer('L2', '7')] });
    const map: HeatmapJson = await get('/api/v1/heatmap', seen);
    expect(map.nodes.map(({ name, cells }) => `${name} ${cells}`)).toEqual([
      'node-c HH.--',
      'node-a -?.??',
      'node-b ?????',
      'node-d -----',
    ]);
  });
});
