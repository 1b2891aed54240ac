import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentHelp } from '../../agent/config.ts';
import { aggregatorHelp } from '../../aggregator/config.ts';
import { root } from './source-files.ts';
import { unknownReasons } from '../../proto/forwarding.ts';

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...globSync('{docs,test}/**/*.md', { cwd: root }),
];
const topLevel = new Set(globSync('*', { cwd: root }).concat('.ci'));

/** Paths that a page names: links, and code that starts with a folder of ours or is a file of the root. */
function pathsNamed(page: string, text: string): readonly string[] {
  const links = [...text.matchAll(/\]\((?<path>[^)#:\s]+)(?:#[^)]*)?\)/g)].map(({ groups }) =>
    join(dirname(page), groups?.path ?? ''),
  );
  const words = [...text.matchAll(/`(?<code>[^`\n]+)`|^ {4}(?<block>\S.*)$/gm)].flatMap(({ groups }) =>
    (groups?.code ?? groups?.block ?? '').split(/\s+/),
  );
  const ours = words.filter((word) => {
    const [first = '', ...rest] = word.split('/');
    return (
      !word.includes('<') &&
      /^[\w.*/-]+$/.test(word) &&
      (rest.length > 0 ? topLevel.has(first) : /^[A-Z]+\.md$/.test(word))
    );
  });
  // `api/services.json` and such lie in a bundle, not here: their first part is no folder of the root.
  return [...new Set([...links, ...ours])].sort();
}

function exists(path: string): boolean {
  return path.includes('*')
    ? globSync(path, { cwd: root }).length > 0
    : statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

describe('the pages', () => {
  it.each(pages)('%s names only paths that exist', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    expect(pathsNamed(page, text).filter((path) => !exists(path))).toEqual([]);
  });

  it('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const named = pages.flatMap((page) => [
      ...readFileSync(join(root, page), 'utf8').matchAll(/npm (?:run )?(?<name>start|test(?::\w+)?|(?<=run )[\w:-]+)/g),
    ]);
    const names = new Set(named.map(({ groups }) => groups?.name ?? ''));
    expect([...names].filter((name) => !(name in scripts))).toEqual([]);
    expect(names).toContain('start');
  });

  it('explain every reason for which something may be unknown, and no other', () => {
    const rows = readFileSync(join(root, 'docs/unknown.md'), 'utf8').matchAll(/^\| `(?<code>[a-z-]+)` \|/gm);
    expect([...rows].map(({ groups }) => groups?.code).sort()).toEqual([...unknownReasons].sort());
  });

  it('say of invariants which tests hold them, by names that these tests have', () => {
    const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const rows = page.slice(page.indexOf('## Invariants'), page.indexOf('## Costs'));
    const held = [...rows.matchAll(/`(?<file>[^`\n]+\.test\.ts)`(?<said>[^`\n]*)/g)].flatMap(({ groups }) =>
      [...(groups?.said ?? '').matchAll(/"(?<name>[^"]+)"/g)].map(
        (name) => [groups?.file ?? '', name[1] ?? ''] as const,
      ),
    );
    const isThere = ([file, name]: readonly [string, string]) => readFileSync(join(root, file), 'utf8').includes(name);
    expect(held.filter((one) => !isThere(one))).toEqual([]);
    expect(held.length).toBeGreaterThan(40);
  });

  it.each([
    ['agent', agentHelp],
    ['aggregator', aggregatorHelp],
  ])('explain every setting of the %s', (program, help) => {
    const page = readFileSync(join(root, 'docs/operating.md'), 'utf8');
    const from = page.indexOf(`### Settings of the ${program}`);
    const section = page.slice(from, page.indexOf('\n#', from + 1));
    const rows = [...section.matchAll(/^\| `--(?<name>[a-z-]+)/gm)].map(({ groups }) => groups?.name);
    const settings = [...help.matchAll(/^ {2}--(?<name>[a-z-]+)/gm)].map(({ groups }) => groups?.name);
    expect(rows.sort()).toEqual(settings.filter((name) => name !== 'help').sort());
  });

  it('and CI run the same test command', () => {
    const commands = readFileSync(join(root, '.ci/run'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('npm '));
    expect(commands).toEqual(['npm test']);
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toMatch(/^ {4}npm test\b/m);
  });

  it('with a path that is not there are caught', () => {
    const text =
      'See [this](agent/none.ts), `cli/gone.ts`, `api/services.json`, `npm test` and\n\n    bin/plumbline audit test/lost.tar.gz\n';
    expect(pathsNamed('README.md', text).filter((path) => !exists(path))).toEqual([
      'agent/none.ts',
      'cli/gone.ts',
      'test/lost.tar.gz',
    ]);
  });
});
