/** The source files as their imports, read without a compiler: Biome keeps every import in one shape. */
import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** One import or re-export. */
export interface Import {
  /** The file that imports, from the project's root: `agent/observe.ts`. */
  readonly from: string;
  /** A file of the project, or what an outside package is called: `node:fs`, `yaml`. */
  readonly to: { readonly file: string } | { readonly package: string };
  /** The names taken; empty for `import 'x'`, `import()`, and `* as x`. */
  readonly names: readonly string[];
  /** Gone at run time. */
  readonly typeOnly: boolean;
}

/** Every TypeScript file of the programs and their tests, with its text. */
export function sourceFiles(): ReadonlyMap<string, string> {
  const paths = globSync('{agent,aggregator,cli,proto,test}/**/*.{ts,tsx}', { cwd: root });
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

const statement = /^(?:import|export)\s+(?<type>type\s+)?(?<clause>[^'"`;]*?\sfrom\s+)?'(?<from>[^'\n]+)'/gm;
const call = /\bimport\(\s*'(?<from>[^'\n]+)'\s*\)/g;

/** The imports of one file, in no special order. */
export function importsOf(path: string, text: string): readonly Import[] {
  const found: Import[] = [];
  for (const { groups } of text.matchAll(statement)) {
    const { type, clause = '', from = '' } = groups ?? {};
    const words = /\{(?<names>[^}]*)\}/.exec(clause)?.groups?.names?.split(',') ?? [];
    const taken = words.map((word) => word.trim()).filter((word) => word !== '');
    const typeOnly = type !== undefined || (taken.length > 0 && taken.every((word) => word.startsWith('type ')));
    const names = taken.map((word) => word.replace(/^type /, '').replace(/ as .*$/, ''));
    found.push({ from: path, to: target(path, from), names, typeOnly });
  }
  for (const { groups } of text.matchAll(call)) {
    found.push({ from: path, to: target(path, groups?.from ?? ''), names: [], typeOnly: false });
  }
  return found;
}

function target(path: string, specifier: string): Import['to'] {
  if (specifier.startsWith('.')) return { file: posix.join(posix.dirname(path), specifier) };
  const [scopeOrName = '', name] = specifier.split('/');
  return { package: scopeOrName.startsWith('@') && name !== undefined ? `${scopeOrName}/${name}` : scopeOrName };
}
