import { describe, expect, it } from 'vitest';
import { auditRecord, minutesAgo, nodeRecord } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import type { AgentWay, NodeDetail } from '../model/record.ts';
import { buildApp } from './app.ts';

const silent = nodeRecord('node-c', {
  state: 'unknown',
  agent: 'silent',
  lastHeardAt: minutesAgo(4),
  unknownBecause: ['silent for 4 minutes'],
});
const record = auditRecord({ nodes: [silent, nodeRecord('node-a'), nodeRecord('node-b', { state: 'unhealthy' })] });

async function get(url: string) {
  const answer = await buildApp(httpOptions({ record })).inject(url);
  return { status: answer.statusCode, body: answer.json() };
}

describe('the nodes', () => {
  it('come by name', async () => {
    const { body } = await get('/api/v1/nodes');
    expect(body.items.map(({ name }: { readonly name: string }) => name)).toEqual(['node-a', 'node-b', 'node-c']);
  });

  it('are told with all that is known of them, and with what is not', async () => {
    expect(await get('/api/v1/nodes?state=unknown')).toEqual({
      status: 200,
      body: { apiVersion: 'plumbline.dev/v1', kind: 'NodeList', items: [silent], total: 1, next: null },
    });
  });

  it('are chosen by what is heard of their agents', async () => {
    const { body } = await get('/api/v1/nodes?agent=silent&agent=late');
    expect(body.items).toEqual([silent]);
  });

  it('come in pages', async () => {
    const first = (await get('/api/v1/nodes?limit=2')).body;
    const second = (await get(`/api/v1/nodes?limit=2&cursor=${first.next}`)).body;
    expect([first.items.length, first.total, second.items, second.next]).toEqual([2, 3, [silent], null]);
  });
});

describe('one node', () => {
  it('is told as a document, with what its agent says of itself', async () => {
    const agentMetrics = {
      rssBytes: 60_000_000,
      childPeakBytes: 9_000_000,
      cpuSeconds: 12.5,
      uptimeSeconds: 3_600,
      readings: 120,
      unchangedReadings: 118,
      failedReadings: 0,
      lastReadingSeconds: 0.13,
      intervalSeconds: 30,
      hints: 4,
      reconnects: 1,
      refusedCommands: 0,
      hintSources: ['nft-generation'],
      badAddressLines: 0,
    };
    const ways: readonly AgentWay[] = [
      {
        address: '10.244.1.7:8443',
        kind: 'pod',
        inUse: false,
        lastWorkedAt: null,
        lastFailedAt: '2026-11-22T11:00:00.000Z',
        failingSince: '2026-11-22T10:00:00.000Z',
        reason: 'timeout',
      },
    ];
    const node: NodeDetail = {
      ...nodeRecord('node-a', {
        ...{ agentMetrics, ways, waysSentence: 'The Service address fails.' },
        layers: [{ layer: 'L2', state: 'unknown', because: ['routes: not permitted'] }],
      }),
      network: [{ layer: 'L2', name: 'links', value: '14' }],
      parts: [{ name: 'routes', state: 'failed', collectedAt: null, reason: 'not permitted' }],
      kubeProxy: {
        healthz: 'healthy',
        livez: 'healthy',
        lastSyncAt: minutesAgo(3),
        lastQueuedAt: null,
        believedRules: 120,
        problems: [],
      },
    };
    const answer = await buildApp(httpOptions({ record: auditRecord({ nodes: [node] }) })).inject(
      '/api/v1/nodes/node-a',
    );
    expect(answer.json()).toEqual({ apiVersion: 'plumbline.dev/v1', kind: 'Node', ...node });
  });

  it('that nobody knows is not found', async () => {
    const { status, body } = await get('/api/v1/nodes/node-z');
    expect([status, body.code]).toEqual([404, 'no-such-node']);
  });
});
