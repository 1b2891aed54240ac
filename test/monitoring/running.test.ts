/** A real Prometheus that scrapes a real aggregator, while a node goes stale and is mended. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, freePort, openCluster } from '../e2e/cluster.ts';
import { withoutFirstEndpoint } from '../e2e/kube-proxy-rules.ts';
import { pause, until } from '../e2e/until.ts';
import { readMetrics } from '../strict-metrics.ts';
import { certificateFiles } from './certificate-files.ts';
import { metricsIn, queries } from './dashboard.ts';
import { documentedMetrics, explainedLabels } from './documented-metrics.ts';
import { type Alert, type Prometheus, startPrometheus } from './prometheus.ts';
import { promtool } from './promtool.ts';
import { ruleFile, rules } from './rule-file.ts';

/** Counted by reason, and nothing gives reason: agents come over unix sockets here, and the API server works. */
const notHere = [
  'plumbline_ingest_refused_total',
  'plumbline_ingest_token_reviews_total',
  'plumbline_watch_errors_total',
];

let cluster: Cluster;
let prometheus: Prometheus;

beforeAll(async () => {
  cluster = await openCluster({ name: 'monitoring', nodes: 'recorded' });
  const targets = [new URL(cluster.client.url).host];
  const job = { job_name: 'plumbline', honor_labels: true, static_configs: [{ targets }] };
  prometheus = await startPrometheus(cluster, { ruleFiles: [ruleFile], jobs: [job] });
  // No agent comes to that port: it is for the figures of certificates and of tokens.
  const { options } = certificateFiles(cluster.folder);
  await cluster.startAll(['--listen-grpc', `127.0.0.1:${await freePort()}`, ...options]);
  cluster.loseEndpoint('shop/web', ['node-b']);
});
afterAll(() => cluster?.close());

/** The alerts of findings; others wait for ten minutes before they fire. */
async function firing(): Promise<readonly Alert[]> {
  return (await prometheus.alerts()).filter(({ state }) => state === 'firing');
}

async function scrape(): Promise<string> {
  const answer = await fetch(`${cluster.client.url}/metrics`, { signal: AbortSignal.timeout(5000) });
  return answer.text();
}

describe('a node that keeps a rule which the cluster no longer wants', () => {
  it('becomes one alert that says in words what and where, and where to read on', async ({ onTestFailed }) => {
    onTestFailed(() => cluster.tellAll());
    await pause(8_000);
    expect(await firing()).toEqual([]);
    const fired = await until({
      what: 'an alert to fire',
      seconds: 50,
      look: firing,
      met: (alerts) => alerts.length > 0,
    });
    expect(fired).toMatchObject([
      {
        labels: {
          alertname: 'PlumblineCriticalFinding',
          severity: 'critical',
          check: 'stale-endpoint',
          layer: 'L3',
          subject_kind: 'Service',
          namespace: 'shop',
          name: 'web',
          node: 'node-a',
          job: 'plumbline',
        },
        annotations: {
          summary: 'A Service is forwarded to a backend that this node should not use: shop/web, on node-a',
          runbook_url: 'docs/runbooks/stale-endpoint.md',
        },
      },
    ]);
  });
});

describe('while it fires', () => {
  it('every query of the dashboard has an answer', async () => {
    const empty: string[] = [];
    for (const { title, query } of queries()) {
      const answer = await prometheus.query(query);
      const mayBeEmpty = metricsIn(query).every((metric) => notHere.includes(metric));
      if (answer.length === 0 && !mayBeEmpty) empty.push(`${title}: ${query}`);
    }
    expect(empty).toEqual([]);
  });

  it('the first panel says no, and the table of the worst has the node with the words of the check', async () => {
    const [question, worst] = ['Is every packet to a Service sent where it should be?', 'What fires'].map(
      (title) => queries().find((one) => one.title === title)?.query ?? '',
    );
    const answer = (await prometheus.query(question ?? '')).map(({ value: [, value] }) => value);
    const rows = (await prometheus.query(worst ?? '')).map(({ metric }) => metric);
    expect(answer).toEqual(['1']);
    expect(rows).toMatchObject([
      {
        urgency: '1 critical',
        title: 'A Service is forwarded to a backend that this node should not use',
        namespace: 'shop',
        name: 'web',
        node: 'node-a',
      },
    ]);
  });

  it('every rule was evaluated without an error, and every metric that rules name is there', async () => {
    const evaluated = await prometheus.rules();
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(evaluated.length).toBe(rules().length);
    const named = new Set(rules().flatMap(({ expr }) => metricsIn(expr)));
    const missing: string[] = [];
    for (const metric of named) if ((await prometheus.query(metric)).length === 0) missing.push(metric);
    expect(missing.filter((metric) => !notHere.includes(metric))).toEqual([]);
  });

  it('the figures are as promtool wants them, with the labels that docs/metrics.md tells and explains', async () => {
    const text = await scrape();
    expect(text.length).toBeGreaterThan(10_000);
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, words: '' });
    const documented = documentedMetrics();
    const told = [...readMetrics(text)].flatMap(([name, { samples }]) =>
      samples.slice(0, 1).map(({ labels }) => [name, Object.keys(labels).sort()] as const),
    );
    expect(told.map(([name]) => [name, documented.get(name)])).toEqual(told);
    const explained = explainedLabels();
    expect([...documented.values()].flat().filter((label) => !explained.includes(label))).toEqual([]);
    expect(told.filter(([name]) => notHere.includes(name))).toEqual([]);
  });
});

describe('a node that was mended', () => {
  it('has no alert any more, and no other one fired all the while', async ({ onTestFailed }) => {
    onTestFailed(() => cluster.tellAll());
    const node = cluster.nodes['node-a'];
    node.write(withoutFirstEndpoint(node.rules(), 'shop/web'));
    node.tellSync();
    const ended = await until({
      what: 'the alert to end',
      seconds: 50,
      look: firing,
      met: ({ length }) => length === 0,
    });
    expect(ended).toEqual([]);
    const ever = await prometheus.query('count_over_time(ALERTS{alertstate="firing"}[10m])');
    expect(ever.map(({ metric: { alertname, check } }) => [alertname, check])).toEqual([
      ['PlumblineCriticalFinding', 'stale-endpoint'],
    ]);
  });
});
