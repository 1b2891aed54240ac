import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checks } from '../../aggregator/checks/index.ts';
import { evidence, type Shown } from './evidence.ts';
import { scenarios } from './expected/index.ts';
import { renderReadme } from './readme.ts';

const root = join(import.meta.dirname, '../..');
const ids = checks.map(({ id }) => id).sort();

/** Why what is shown is not there; null when it is. */
function lacking(id: string, { file, test }: Shown): string | null {
  if (!existsSync(join(root, file))) return `${id}: no file ${file}`;
  if (file.endsWith('/findings.test.ts')) {
    const scenario = scenarios.find(({ title }) => title === test);
    return scenario?.told.some(({ check }) => check === id) ? null : `${id}: is not told in ${test}`;
  }
  return readFileSync(join(root, file), 'utf8').includes(test) ? null : `${id}: ${file} has no test "${test}"`;
}

describe('every check', () => {
  it('has a scenario in which it fires, and one in which it must not', () => {
    expect(Object.keys(evidence).sort()).toEqual(ids);
  });

  it('has both as tests', () => {
    const all = Object.entries(evidence).flatMap(([id, { fires, mustNot }]) => [
      lacking(id, fires),
      lacking(id, mustNot),
    ]);
    expect(all.filter((problem) => problem !== null)).toEqual([]);
  });

  it('is in README.md with them, as npm run scenarios-readme writes it', () => {
    expect(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')).toBe(renderReadme());
  });
});
