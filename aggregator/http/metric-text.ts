/** Figures as the text that Prometheus reads. https://prometheus.io/docs/instrumenting/exposition_formats/ */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Figure } from '../model/record.ts';
import { visibleText } from './visible-text.ts';

/** Bytes of UTF-8 that a label's value may have. */
const longestLabel = 253;
/** Rendering takes 5 microseconds for each, in one go. */
const mostSeries = 20_000;

export const metricContentType = Registry.PROMETHEUS_CONTENT_TYPE;

export interface MetricText {
  readonly text: string;
  /** Series that are not in the text: ill-formed, contradictory, or beyond the limit. */
  readonly dropped: number;
}

interface Family {
  readonly help: string;
  readonly kind: Figure['kind'];
  readonly labelNames: readonly string[];
  /** By the text of the labels. A series that is given twice has the value that was given last. */
  readonly series: Map<string, { readonly labels: Readonly<Record<string, string>>; readonly value: number }>;
}

/**
 * What one bad figure says is left out and counted; the others are shown. All figures of one name must have the same
 * kind and label names.
 */
export async function metricText(figures: readonly Figure[]): Promise<MetricText> {
  const families = new Map<string, Family>();
  let dropped = 0;
  let series = 0;
  for (const figure of figures) {
    const family = isWellFormed(figure) ? familyOf(families, figure) : null;
    if (family === null || series >= mostSeries) {
      dropped += 1;
      continue;
    }
    const labels = Object.fromEntries(family.labelNames.map((name) => [name, labelValue(figure.labels?.[name] ?? '')]));
    const key = JSON.stringify(labels);
    if (!family.series.has(key)) series += 1;
    family.series.set(key, { labels, value: figure.value });
  }
  return { text: await rendered(families), dropped };
}

/** A value as it may stand in a label: nothing that hides or moves text, and not too long. */
export function labelValue(text: string): string {
  const visible = visibleText(text);
  if (Buffer.byteLength(visible) <= longestLabel) return visible;
  const cut = Buffer.from(visible).subarray(0, longestLabel).toString();
  // The last character may have been cut in two.
  return cut.replace(/\ufffd+$/u, '');
}

function isWellFormed({ name, kind, labels = {}, value }: Figure): boolean {
  return (
    /^plumbline_[a-z][a-z0-9_]*$/.test(name) &&
    name.endsWith('_total') === (kind === 'counter') &&
    Object.keys(labels).every((label) => /^[a-z][a-z0-9_]*$/.test(label)) &&
    Number.isFinite(value) &&
    (kind === 'gauge' || value >= 0)
  );
}

/** The family that the figure belongs to; null when it contradicts the family of its name. */
function familyOf(families: Map<string, Family>, { name, help, kind, labels = {} }: Figure): Family | null {
  const labelNames = Object.keys(labels).sort();
  const known = families.get(name);
  if (known === undefined) {
    const family: Family = { help, kind, labelNames, series: new Map() };
    families.set(name, family);
    return family;
  }
  return known.kind === kind && known.labelNames.join() === labelNames.join() ? known : null;
}

async function rendered(families: ReadonlyMap<string, Family>): Promise<string> {
  // A registry of its own for each text: what is not told any more is not shown any more.
  const registry = new Registry();
  for (const [name, { help, kind, labelNames, series }] of families) {
    const configuration = { name, help: visibleText(help), labelNames: [...labelNames], registers: [registry] };
    if (kind === 'counter') {
      const counter = new Counter(configuration);
      for (const { labels, value } of series.values()) counter.inc(labels, value);
    } else {
      const gauge = new Gauge(configuration);
      for (const { labels, value } of series.values()) gauge.set(labels, value);
    }
  }
  return registry.metrics();
}
