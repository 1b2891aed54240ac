import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditRecord, minutesAgo, nodeRecord, tracked } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import { type MetricFamily, readMetrics, type Sample } from '../../test/strict-metrics.ts';
import { staleEndpoint } from '../checks/stale-endpoint.ts';
import type { Figure } from '../model/record.ts';
import { buildApp } from './app.ts';
import type { HttpOptions } from './options.ts';

async function scraped(options: Partial<HttpOptions> = {}): Promise<ReadonlyMap<string, MetricFamily>> {
  const answer = await buildApp(httpOptions({ checks: [staleEndpoint], ...options })).inject('/metrics');
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  return readMetrics(answer.body);
}

function samples(families: ReadonlyMap<string, MetricFamily>, name: string): readonly Sample[] {
  return families.get(name)?.samples ?? [];
}

function figure(name: string, changes: Partial<Figure> = {}): Figure {
  return { name, help: 'Of a test.', kind: 'gauge', value: 1, ...changes };
}

const everything = auditRecord({
  findings: [tracked('stale-endpoint')],
  nodes: [nodeRecord('node-a')],
  figures: [figure('plumbline_rounds', { value: 3 })],
});

describe('the figures of the audit', () => {
  const labels = { check: 'stale-endpoint', layer: 'L3', severity: 'critical' };

  it('count findings, and tell of every check also when it finds nothing', async () => {
    const record = auditRecord({
      findings: [
        tracked('stale-endpoint'),
        tracked('stale-endpoint', { state: 'unknown' }),
        tracked('stale-endpoint', { severity: 'low' }),
      ],
    });
    const one = { check: 'stale-endpoint', layer: 'L3' };
    expect(staleEndpoint.severity).toBe('critical');
    expect(samples(await scraped({ record }), 'plumbline_findings')).toEqual([
      { labels: { ...labels, state: 'pending' }, value: 0 },
      { labels: { ...labels, state: 'firing' }, value: 1 },
      { labels: { ...labels, state: 'unknown' }, value: 1 },
      { labels: { ...labels, state: 'suppressed' }, value: 0 },
      { labels: { ...one, severity: 'low', state: 'firing' }, value: 1 },
    ]);
  });

  it('tell of every check what it looks at, and what holds when it fires', async () => {
    expect(samples(await scraped(), 'plumbline_check_info')).toEqual([
      { labels: { check: 'stale-endpoint', layer: 'L3', scope: 'node', title: staleEndpoint.title }, value: 1 },
    ]);
  });

  it('count what fires on many nodes once, and what follows from a cause not at all', async () => {
    const record = auditRecord({
      findings: [
        tracked('stale-endpoint', { node: 'node-a' }),
        tracked('stale-endpoint', { node: 'node-b' }),
        tracked('stale-endpoint', { group: 'other' }),
        tracked('stale-endpoint', { group: 'effect', parent: 'of-missing-base-jump' }),
        tracked('stale-endpoint', { group: 'young', state: 'pending' }),
      ],
    });
    expect(samples(await scraped({ record }), 'plumbline_finding_groups')).toEqual([
      { labels: { check: 'stale-endpoint', severity: 'critical' }, value: 2 },
    ]);
  });

  it('tell of nodes: how many in each state, and of each its state and the age of its newest reading', async () => {
    const record = auditRecord({
      nodes: [
        nodeRecord('node-a'),
        nodeRecord('node-b', { state: 'unhealthy', lastReadingAt: minutesAgo(2) }),
        nodeRecord('node-c', { state: 'unknown', lastReadingAt: null }),
      ],
    });
    const families = await scraped({ record });
    expect(samples(families, 'plumbline_nodes')).toEqual([
      { labels: { state: 'healthy' }, value: 1 },
      { labels: { state: 'unhealthy' }, value: 1 },
      { labels: { state: 'unknown' }, value: 1 },
    ]);
    expect(samples(families, 'plumbline_node_state')).toEqual([
      { labels: { node: 'node-a' }, value: 0 },
      { labels: { node: 'node-b' }, value: 1 },
      { labels: { node: 'node-c' }, value: 2 },
    ]);
    expect(samples(families, 'plumbline_node_last_report_age_seconds')).toEqual([
      { labels: { node: 'node-a' }, value: 30 },
      { labels: { node: 'node-b' }, value: 120 },
    ]);
  });

  it('tell of no single node when there are more than 2,000', async () => {
    const nodes = Array.from({ length: 2_001 }, (_, index) => nodeRecord(`node-${index}`));
    const families = await scraped({ record: auditRecord({ nodes }) });
    expect([families.has('plumbline_node_state'), families.has('plumbline_node_last_report_age_seconds')]).toEqual([
      false,
      false,
    ]);
    expect(samples(families, 'plumbline_nodes')[0]?.value).toBe(2_001);
  });

  it('tell of Services that something fires for, at most 1,000, the worst first, and count the others', async () => {
    const about = (name: string) => ({ kind: 'Service', namespace: 'shop', name, port: '', protocol: 'tcp' }) as const;
    const findings = [
      ...Array.from({ length: 1_100 }, (_, index) => tracked('stale-endpoint', { subject: about(`s${index}`) })),
      tracked('stale-endpoint', { subject: about('s1099') }),
      tracked('stale-endpoint', { subject: about('young'), state: 'pending' }),
    ];
    const app = buildApp(httpOptions({ record: auditRecord({ findings }) }));
    await app.inject('/metrics');
    const families = readMetrics((await app.inject('/metrics')).body);
    const told = samples(families, 'plumbline_service_findings');
    expect([told.length, told[0]]).toEqual([1_000, { labels: { namespace: 'shop', service: 's1099' }, value: 2 }]);
    // 100 Services, and 100 groups of findings.
    expect(samples(families, 'plumbline_series_dropped_total')).toEqual([{ labels: {}, value: 200 }]);
  });

  it.each([
    [true, 1],
    [false, 0],
  ])('say whether the aggregator is ready (%s)', async (ready, value) => {
    const record = auditRecord({ readiness: { ready, because: [] } });
    expect(samples(await scraped({ record }), 'plumbline_ready')).toEqual([{ labels: {}, value }]);
  });
});

describe('the figures of the process', () => {
  it('are its memory, its processor time, the delay of its event loop, and its version', async () => {
    const families = await scraped();
    const value = (name: string) => samples(families, name)[0]?.value ?? Number.NaN;
    expect(samples(families, 'plumbline_build_info')).toEqual([{ labels: { version: '0.2.0' }, value: 1 }]);
    expect(value('plumbline_process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(value('plumbline_process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(value('plumbline_event_loop_delay_p99_seconds')).toBeGreaterThanOrEqual(0);
    expect(value('plumbline_event_loop_delay_max_seconds')).toBeGreaterThanOrEqual(0);
  });
});

describe('the figures of other parts', () => {
  it('are shown as they are told at each scrape', async () => {
    let value = 4;
    const figures = [() => [figure('plumbline_streams_total', { kind: 'counter', labels: { result: 'ok' }, value })]];
    const app = buildApp(httpOptions({ record: everything, figures }));
    await app.inject('/metrics');
    value = 6;
    const families = readMetrics((await app.inject('/metrics')).body);
    expect([families.get('plumbline_streams_total'), families.get('plumbline_rounds')]).toEqual([
      { help: 'Of a test.', type: 'counter', samples: [{ labels: { result: 'ok' }, value: 6 }] },
      { help: 'Of a test.', type: 'gauge', samples: [{ labels: {}, value: 3 }] },
    ]);
  });
});

describe('the page of metrics', () => {
  const root = join(import.meta.dirname, '../..');
  const page = readFileSync(join(root, 'docs/metrics.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `(plumbline_[a-z0-9_]+)/gm)].map(([, name]) => name);

  it('has every metric that a scrape of this side shows', async () => {
    const names = [...(await scraped({ record: everything })).keys()].filter((name) => name !== 'plumbline_rounds');
    expect(names.filter((name) => !documented.includes(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(12);
  });

  it('has every metric that is named in the program, and no other', () => {
    const files = globSync('aggregator/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.test.ts'));
    const named = files.flatMap((path) => metricNames(readFileSync(join(root, path), 'utf8')));
    expect([...new Set(documented)].sort()).toEqual([...new Set(named)].sort());
  });
});

/** The metrics that a source file names: whole, or behind a prefix that its functions `gauge`, `counter` add. */
function metricNames(text: string): readonly string[] {
  const whole = [...text.matchAll(/'(plumbline_[a-z0-9_]*[a-z0-9])'/g)].map(([, name = '']) => name);
  const [, prefix] = /`(plumbline_[a-z]+_)\$\{name\}/.exec(text) ?? [];
  if (prefix === undefined) return whole;
  const counterEnd = /\$\{name\}_total`/.test(text) ? '_total' : '';
  const parts = [...text.matchAll(/\b(gauge|counter|tally)\('([a-z_]+)'/g)].map(([, kind, name = '']) =>
    kind === 'gauge' ? `${prefix}${name}` : `${prefix}${name}${counterEnd}`,
  );
  return [...whole, ...parts];
}
