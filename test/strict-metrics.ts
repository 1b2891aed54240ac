/**
 * A strict reader of the Prometheus text format, for tests: what a scraper may frown at is an error here.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ and what `promtool check metrics` asks for.
 */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** @throws at the first line that does not keep to the format. */
export function readMetrics(text: string): ReadonlyMap<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { help: string; type: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-z_][a-z0-9_]*) (\S.*)$/.exec(line);
    const type = /^# TYPE ([a-z_][a-z0-9_]*) (gauge|counter)$/.exec(line);
    if (help !== null) {
      const [, name = '', words = ''] = help;
      if (families.has(name)) throw new Error(`twice: ${name}`);
      families.set(name, { help: words, type: '', samples: [] });
      current = name;
    } else if (type !== null) {
      const family = families.get(type[1] ?? '');
      if (family === undefined || type[1] !== current || family.samples.length > 0) throw new Error(`late: ${line}`);
      family.type = type[2] ?? '';
      if ((family.type === 'counter') !== current.endsWith('_total')) throw new Error(`name and type: ${line}`);
    } else {
      const { name, sample } = sampleOf(line);
      const family = families.get(name);
      if (family === undefined || family.type === '' || name !== current) throw new Error(`not announced: ${line}`);
      const key = name + JSON.stringify(Object.entries(sample.labels).sort());
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  return families;
}

/** One character of a label's value, or an escape. Whatever a terminal would act on is none. */
const character = String.raw`(?:[^"\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|\\\\|\\"|\\n)`;
const labelPattern = new RegExp(String.raw`([a-z_][a-z0-9_]*)="(${character}*)"(,(?=[a-z])|$)`, 'uy');

function sampleOf(line: string): { readonly name: string; readonly sample: Sample } {
  const [, name = '', , inside = '', number = ''] =
    /^([a-z_][a-z0-9_]*)(\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/u.exec(line) ?? [];
  if (name === '') throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  labelPattern.lastIndex = 0;
  while (labelPattern.lastIndex < inside.length) {
    const at = labelPattern.lastIndex;
    const [, label = '', value = ''] = labelPattern.exec(inside) ?? [];
    if (label === '' || label in labels) throw new Error(`labels, at ${at}: ${line}`);
    if (Buffer.byteLength(value) > 300) throw new Error(`a label of ${value.length}: ${line}`);
    labels[label] = value.replace(/\\(.)/g, (_all, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return { name, sample: { labels, value: Number(number) } };
}
