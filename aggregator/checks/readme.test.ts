import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checks } from './index.ts';
import { renderReadme } from './shared/readme.ts';

const folder = import.meta.dirname;

describe('the list of checks', () => {
  it('README.md is what scripts/checks-readme.ts makes of the files', () => {
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe(renderReadme(checks));
  });

  it('every check is a file of its id with a test of its own, and every such file is listed', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
    const tests = readdirSync(folder).filter((file) => file.endsWith('.test.ts') && file !== 'readme.test.ts');
    const ids = checks.map(({ id }) => id).sort();
    expect(files.filter((file) => file !== 'index.ts').map((file) => file.slice(0, -3))).toEqual(ids);
    expect(tests.map((file) => file.slice(0, -8))).toEqual(ids);
  });
});
