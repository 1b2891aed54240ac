import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './source-files.ts';

/** Each file breaks the rules named beside it, in one line per rule, and no other. */
const offenders = [
  {
    path: 'aggregator/audit/clock.ts',
    text: 'export const now = Date.now();',
    caught: ['noRestrictedGlobals'],
  },
  {
    path: 'aggregator/model/logger.ts',
    text: "console.log('seen');",
    caught: ['noConsole', 'noRestrictedGlobals'],
  },
  {
    path: 'aggregator/checks/chance.ts',
    text: 'export const chance = Math.random();',
    caught: ['noJsRestrictedProperties'],
  },
  {
    path: 'agent/dataplane/timer.ts',
    text: 'export const timer = setTimeout(() => null, 1);',
    caught: ['noRestrictedGlobals'],
  },
  {
    path: 'agent/node-iptables-parse/environment.ts',
    text: 'export const home = process.env.HOME;',
    caught: ['noProcessEnv', 'noRestrictedGlobals'],
  },
  {
    path: 'agent/collectors/environment.ts',
    text: 'export const home = process.env.HOME;',
    caught: ['noProcessEnv'],
  },
  {
    path: 'cli/arguments.ts',
    text: 'export const words = process.argv;',
    caught: ['noJsRestrictedProperties'],
  },
  {
    path: 'cli/main.ts',
    text: 'export const words = [process.argv, process.env.HOME];',
    caught: [],
  },
  {
    path: 'cli/answer.ts',
    text: 'export const answer = JSON.parse("{}") as any;',
    caught: ['noExplicitAny'],
  },
  {
    path: 'agent/collectors/forgotten.ts',
    text: 'async function read(): Promise<number> {\n  return 1;\n}\nexport function start(): void {\n  read();\n}',
    caught: ['noFloatingPromises'],
  },
  {
    path: 'aggregator/audit/half-switch.ts',
    text: "export function name(of: 'a' | 'b'): string {\n  switch (of) {\n    case 'a':\n      return 'first';\n  }\n  return '';\n}",
    caught: ['useExhaustiveSwitchCases'],
  },
];

describe('the linter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-lint-'));
  let caught: ReadonlyMap<string, readonly string[]> = new Map();

  beforeAll(async () => {
    const { vcs: _, ...configuration } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    writeFileSync(join(folder, 'biome.json'), JSON.stringify(configuration));
    for (const { path, text } of offenders) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), `${text}\n`);
    }
    caught = await lint(folder);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(offenders)('finds in $path: $caught', ({ path, caught: wanted }) => {
    expect(caught.get(path) ?? []).toEqual(wanted);
  });
});

/** The rules broken by each file, sorted; Biome's exit code 1 says that there are some. */
async function lint(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const biome = join(root, 'node_modules/.bin/biome');
  const output = await new Promise<string>((resolve) => {
    execFile(biome, ['lint', '--reporter=json', '--max-diagnostics=none', '.'], { cwd: folder }, (_, stdout) =>
      resolve(stdout),
    );
  });
  const report: { diagnostics: { category: string; location: { path: string } }[] } = JSON.parse(output);
  const rules = new Map<string, string[]>();
  for (const { category, location } of report.diagnostics) {
    const path = location.path.replace(/^\.\//, '');
    rules.set(path, [...(rules.get(path) ?? []), category.replace(/^.*\//, '')].sort());
  }
  return rules;
}
