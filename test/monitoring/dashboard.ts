/** The dashboard as the chart has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './rule-file.ts';

export const dashboardFile = join(root, 'charts/plumbline/files/dashboard.json');

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[];
  };
}

export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(dashboardFile, 'utf8'));
}

/** Every query with the title of its panel, as Grafana sends it where it asks for a point every 15 seconds. */
export function queries(): readonly { readonly title: string; readonly query: string }[] {
  return dashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ title, query: expr.replaceAll('$__rate_interval', '60s') })),
  );
}

/** The metrics of ours that an expression names; those that the rules record aside. */
export function metricsIn(expression: string): readonly string[] {
  return [...new Set(expression.match(/\bplumbline_[a-z0-9_]+/g))];
}
