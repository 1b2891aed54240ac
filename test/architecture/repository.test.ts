import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingNames } from '../recordings.ts';
import { root } from './source-files.ts';

const budgetBytes = 25 * 1000 * 1000;

function text(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

describe('the repository', () => {
  it('stays under 25 MB, recordings and all', () => {
    const files = globSync('**/*', { cwd: root, exclude: (path) => path.includes('node_modules') || path === 'dist' });
    const bytes = files
      .map((path) => statSync(join(root, path)))
      .reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0);
    expect(bytes).toBeLessThan(budgetBytes);
    expect(bytes).toBeGreaterThan(10 * 1000 * 1000);
  });

  it('says of every recording what it is', () => {
    const rows = [...text('test/recordings/README.md').matchAll(/^\| `(?<name>[^`]+)\.tar\.gz` \|/gm)];
    expect(rows.map(({ groups }) => groups?.name).sort()).toEqual(recordingNames);
  });

  it('pins every outside package to one version', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text('package.json'));
    const versions = Object.values({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  });

  it('takes packages from whatever registry the user has: the lockfile names none', () => {
    const lockfile: { packages: Record<string, { resolved?: string }> } = JSON.parse(text('package-lock.json'));
    const hosts = Object.values(lockfile.packages).filter(({ resolved }) => resolved?.includes('://'));
    expect(hosts).toEqual([]);
  });

  it('names no folder of the machine it was written on', () => {
    const sources = globSync(
      '{.ci/run,bin/*,scripts/*,*.{json,md,ts},{agent,aggregator,cli,docs,proto,test}/**/*.{json,md,ts}}',
      {
        cwd: root,
        exclude: (path) => path.includes('node_modules/'),
      },
    );
    expect(sources.filter((path) => /(?:^|[\s'"`=(])\/(?:home|root|work|Users)\//m.test(text(path)))).toEqual([]);
  });
});
