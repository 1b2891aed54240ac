/** The chart of this project with some values, rendered and parsed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { type RenderRequest, renderChart } from './render.ts';
import { refusalsOf } from './values-schema.ts';

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

export type Circumstances = Partial<Omit<RenderRequest, 'chart' | 'values'>>;

/** The release `audit` in the namespace `observability`; `changes` are laid over values.yaml, path by path. */
export function renderedChart(
  changes: Readonly<Record<string, unknown>> = {},
  circumstances: Circumstances = {},
): RenderedChart {
  const values: unknown = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  for (const [path, value] of Object.entries(changes)) setAt(values, path.split('.'), value);
  return renderedWith([values], circumstances);
}

/** The same with one of the files of test/chart/values. */
export function renderedFile(name: string, circumstances: Circumstances = {}): RenderedChart {
  return renderedWith([parse(readFileSync(join(import.meta.dirname, 'values', name), 'utf8'))], circumstances);
}

/** Every file of templates is YAML or the notes. @throws with Helm's words where Helm would refuse. */
export function renderedWith(values: readonly unknown[], circumstances: Circumstances = {}): RenderedChart {
  const rendering = renderChart({ ...usual, ...circumstances, chart, values });
  if (!rendering.ok) throw new Error(rendering.message);
  const refusals = refusalsOf(rendering.values);
  if (refusals.length > 0) throw new Error(refusals.join('\n'));
  const manifests = [...rendering.files]
    .filter(([file]) => file.endsWith('.yaml'))
    .flatMap(([file, text]) => read(file, text));
  return {
    manifests,
    notes: rendering.files.get('plumbline/templates/NOTES.txt') ?? '',
    the: (kind, nameEnd = '') => {
      const found = manifests.filter((each) => each.kind === kind && each.metadata.name.endsWith(nameEnd));
      const [first] = found;
      if (first === undefined || found.length > 1) throw new Error(`${found.length} ${kind} *${nameEnd}`);
      return first;
    },
  };
}

const usual: Omit<RenderRequest, 'chart' | 'values'> = {
  release: 'audit',
  namespace: 'observability',
  kubeVersion: 'v1.34.1',
  apiVersions: ['monitoring.coreos.com/v1'],
  strict: true,
};

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

/**
 * The objects of a file; Helm passes over documents without any. The server reads YAML 1.1, tools of today 1.2, to which
 * `on` and `0440` are other things: what is not the same to both is refused.
 */
function read(file: string, text: string): readonly Manifest[] {
  const [older, newer] = (['1.1', '1.2'] as const).map((version) =>
    parseAllDocuments(text, { version, strict: true, uniqueKeys: true }).flatMap((document) => {
      if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join(', ')}\n${text}`);
      const object = document.toJS();
      return object === null ? [] : [object];
    }),
  );
  if (!isDeepStrictEqual(older, newer)) throw new Error(`${file} is not the same in YAML 1.1 and 1.2:\n${text}`);
  return newer ?? [];
}

function setAt(into: unknown, [key, ...rest]: readonly string[], value: unknown): void {
  if (key === undefined || typeof into !== 'object' || into === null || !Object.hasOwn(into, key)) {
    throw new Error(`values.yaml has no ${key}`);
  }
  if (rest.length === 0) Object.assign(into, { [key]: value });
  else setAt(Object.getOwnPropertyDescriptor(into, key)?.value, rest, value);
}
