/** What the chart makes of rules, dashboard and figures for those who run Prometheus' operator and Grafana. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { at, type RenderedChart, renderedChart } from '../chart/rendered-chart.ts';
import { problemsOf } from '../chart/strict-object.ts';
import { dashboardFile } from './dashboard.ts';
import { promtool } from './promtool.ts';
import { ruleFile, rules } from './rule-file.ts';

const place = mkdtempSync(join(tmpdir(), 'plumbline-rendered-rules-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const all = {
  'monitoring.serviceMonitor.enabled': true,
  'monitoring.rules.enabled': true,
  'monitoring.dashboard.enabled': true,
};

function ofMonitoring({ manifests }: RenderedChart): readonly string[] {
  const isOne = /^(?:ServiceMonitor|PrometheusRule)$|-dashboard$/;
  return manifests
    .filter(({ kind, metadata: { name } }) => isOne.test(kind) || isOne.test(name))
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
}

describe('the chart', () => {
  it('makes nothing for Prometheus and Grafana unless it is asked to', () => {
    expect(ofMonitoring(renderedChart())).toEqual([]);
    const chart = renderedChart(all);
    expect(ofMonitoring(chart).toSorted()).toEqual([
      'ConfigMap observability/audit-dashboard',
      'PrometheusRule observability/audit-aggregator',
      'ServiceMonitor observability/audit-aggregator',
    ]);
    expect(chart.manifests.flatMap(problemsOf)).toEqual([]);
  });

  it('makes a rule object of the very rule file, which Prometheus takes', () => {
    const { groups } = Object(at(renderedChart(all).the('PrometheusRule'), 'spec'));
    expect({ groups }).toEqual(parse(readFileSync(ruleFile, 'utf8')));
    const file = join(place, 'rules.yaml');
    writeFileSync(file, stringify({ groups }, { aliasDuplicateObjects: false }));
    expect(promtool(['check', 'rules', file])).toEqual({
      status: 0,
      words: expect.stringContaining(`${rules().length} rules found`),
    });
  });

  it.each(['https://wiki.example/runbooks', 'https://wiki.example/runbooks/'])(
    'lets every alert lead to a page below %s',
    (runbookBaseUrl) => {
      const chart = renderedChart({ ...all, 'monitoring.runbookBaseUrl': runbookBaseUrl });
      const urls = JSON.stringify(at(chart.the('PrometheusRule'), 'spec')).match(/"runbook_url":"[^"]*"/g) ?? [];
      expect(urls.length).toBe(rules().filter(({ alert }) => alert !== undefined).length);
      expect(urls.filter((url) => !url.startsWith('"runbook_url":"https://wiki.example/runbooks/'))).toEqual([]);
      expect(urls).toContain('"runbook_url":"https://wiki.example/runbooks/{{ $labels.check }}.md"');
    },
  );

  it('puts the dashboard into a ConfigMap as it is, for the sidecar to find', () => {
    const map = renderedChart(all).the('ConfigMap', '-dashboard');
    expect(map.metadata.labels['grafana_dashboard']).toBe('1');
    const data = new Map(Object.entries(Object(at(map, 'data'))));
    expect(JSON.parse(String(data.get('plumbline.json')))).toEqual(JSON.parse(readFileSync(dashboardFile, 'utf8')));
  });
});

describe('the ServiceMonitor', () => {
  const endpoint = {
    port: 'https',
    scheme: 'https',
    path: '/metrics',
    interval: '30s',
    honorLabels: true,
    tlsConfig: {
      serverName: 'audit-aggregator.observability.svc',
      ca: { configMap: { name: 'audit-ca', key: 'ca.crt' } },
    },
  };

  it("scrapes the Service's port over TLS, with the token of Prometheus' own pod", () => {
    const chart = renderedChart(all);
    expect(at(chart.the('ServiceMonitor'), 'spec.endpoints')).toEqual([
      { ...endpoint, bearerTokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
    ]);
    const ports = at(chart.the('Service', '-aggregator'), 'spec.ports');
    expect(ports).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'https' })]));
  });

  it('or with one from a Secret', () => {
    const chart = renderedChart({ ...all, 'monitoring.serviceMonitor.tokenSecret': 'scraper' });
    expect(at(chart.the('ServiceMonitor'), 'spec.endpoints')).toEqual([
      { ...endpoint, authorization: { credentials: { name: 'scraper', key: 'token' } } },
    ]);
  });

  it("lies beside the authority's certificate in the agents' namespace, and looks into the aggregator's", () => {
    const chart = renderedChart({ ...all, 'agent.namespace': 'node-audit' });
    const monitor = chart.the('ServiceMonitor');
    expect([monitor.metadata.namespace, chart.the('ConfigMap', '-ca').metadata.namespace]).toEqual([
      'node-audit',
      'node-audit',
    ]);
    expect(at(monitor, 'spec.namespaceSelector')).toEqual({ matchNames: ['observability'] });
  });

  it('and the rules carry the labels that Prometheus selects them by', () => {
    const labels = { release: 'kube-prometheus-stack' };
    const chart = renderedChart({
      ...all,
      'monitoring.serviceMonitor.labels': labels,
      'monitoring.rules.labels': labels,
    });
    for (const kind of ['ServiceMonitor', 'PrometheusRule']) {
      expect(chart.the(kind).metadata.labels).toMatchObject({ ...labels, 'app.kubernetes.io/instance': 'audit' });
    }
  });
});
