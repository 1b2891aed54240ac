/** The chart of this project with some values, rendered and parsed. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { renderChart } from './templates.ts';

const chart = join(import.meta.dirname, '../../charts/plumbline');

/** What the tests read of an object. Everything else they take out with `at`. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
}

export interface RenderedChart {
  readonly manifests: readonly Manifest[];
  readonly notes: string;
  /** The one object of this kind whose name ends like this. */
  the(kind: string, nameEnd?: string): Manifest;
}

/** The release `audit` in the namespace `observability`; `changes` are laid over values.yaml, path by path. */
export function renderedChart(changes: Readonly<Record<string, unknown>> = {}): RenderedChart {
  const values: unknown = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  for (const [path, value] of Object.entries(changes)) setAt(values, path.split('.'), value);
  const { name, version, appVersion } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8'));
  const paths = globSync('templates/*', { cwd: chart }).sort();
  const files = new Map(paths.map((path) => [basename(path), readFileSync(join(chart, path), 'utf8')]));
  const rendered = renderChart(files, {
    Values: values,
    Release: { Name: 'audit', Namespace: 'observability', Service: 'Helm' },
    Chart: { Name: name, Version: version, AppVersion: appVersion },
  });
  const manifests = [...rendered]
    .filter(([file]) => file.endsWith('.yaml'))
    .flatMap(([file, text]) => read(file, text));
  return {
    manifests,
    notes: rendered.get('NOTES.txt') ?? '',
    the: (kind, nameEnd = '') => {
      const found = manifests.filter((each) => each.kind === kind && each.metadata.name.endsWith(nameEnd));
      const [first] = found;
      if (first === undefined || found.length > 1) throw new Error(`${found.length} ${kind} *${nameEnd}`);
      return first;
    },
  };
}

/** What stands at a path of keys and indexes: `spec.template.spec.containers.0`; fails where there is nothing. */
export function at(from: unknown, path: string): unknown {
  let value = from;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key))
      throw new Error(`no ${key} of ${path}`);
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** The same where it is a list; an absent list is empty. */
export function listAt(from: unknown, path: string): readonly unknown[] {
  let value: unknown;
  try {
    value = at(from, path);
  } catch {
    return [];
  }
  if (!Array.isArray(value)) throw new Error(`${path} is no list`);
  return value;
}

/** Is there such a key? */
export function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** Every key of the one is in the other, with the same value. */
export function isWithin(part: unknown, whole: unknown): boolean {
  const entries = new Map(Object.entries(whole ?? {}));
  return Object.entries(part ?? {}).every(([key, value]) => entries.get(key) === value);
}

function read(file: string, text: string): readonly Manifest[] {
  return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join(', ')}\n${text}`);
    return document.toJS();
  });
}

function setAt(into: unknown, [key, ...rest]: readonly string[], value: unknown): void {
  if (key === undefined || typeof into !== 'object' || into === null || !Object.hasOwn(into, key)) {
    throw new Error(`values.yaml has no ${key}`);
  }
  if (rest.length === 0) Object.assign(into, { [key]: value });
  else setAt(Object.getOwnPropertyDescriptor(into, key)?.value, rest, value);
}
