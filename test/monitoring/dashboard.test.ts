import { describe, expect, it } from 'vitest';
import { dashboard, metricsIn, type Panel } from './dashboard.ts';
import { documentedMetrics } from './documented-metrics.ts';

const { panels, schemaVersion, templating } = dashboard();
const drawn = panels.filter(({ type }) => type !== 'row');

/** Panels that cover a cell of the grid together. */
function overlaps(one: Panel, other: Panel): boolean {
  const [a, b] = [one.gridPos, other.gridPos];
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

describe('the dashboard', () => {
  it('has its rows in the order in which on-call asks', () => {
    expect(panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      'Is the network what was asked for?',
      'Worst',
      'Nodes by state',
      'Layers',
      'Aggregator',
      'Agents',
    ]);
  });

  it("needs nothing but Grafana's own panels, and the data source that is chosen in it", () => {
    expect(schemaVersion).toBeGreaterThanOrEqual(39);
    expect(templating.list.map(({ name, type, query }) => [name, type, query])).toEqual([
      ['datasource', 'datasource', 'prometheus'],
    ]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as Grafana writes its variables
    const chosen = { type: 'prometheus', uid: '${datasource}' };
    for (const { type, datasource, targets = [] } of drawn) {
      expect(['stat', 'table', 'timeseries']).toContain(type);
      expect([datasource, ...targets.map((target) => target.datasource)]).toEqual([
        chosen,
        ...targets.map(() => chosen),
      ]);
    }
  });

  it('has panels with a query, an explanation and a place of their own', () => {
    expect(drawn.filter(({ targets = [], description = '' }) => targets.length === 0 || description === '')).toEqual(
      [],
    );
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    const pairs = panels.flatMap((one, index) => panels.slice(index + 1).map((other) => [one, other] as const));
    expect(
      pairs.filter(([one, other]) => overlaps(one, other)).map(([one, other]) => [one.title, other.title]),
    ).toEqual([]);
  });

  it('asks for metrics that are documented, and shows labels that these have', () => {
    const documented = documentedMetrics();
    for (const { title, targets = [] } of drawn) {
      for (const { expr, legendFormat = '' } of targets) {
        const metrics = metricsIn(expr);
        expect(metrics.filter((metric) => !documented.has(metric))).toEqual([]);
        const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        const known = ['instance', ...metrics.flatMap((metric) => documented.get(metric) ?? [])];
        expect({ title, strange: labels.filter((label) => !known.includes(label)) }).toEqual({ title, strange: [] });
      }
    }
  });
});
