/** The programs as one file each: they need Node and nothing else. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
const place = mkdtempSync(join(tmpdir(), 'plumbline-bundles-'));
const app = join(place, 'app');
const empty = join(place, 'empty');

interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

beforeAll(async () => {
  for (const folder of [app, empty]) mkdirSync(folder);
  const made = await run([join(root, 'scripts/build.js'), app], root);
  if (made.code !== 0) throw new Error(`scripts/build.js: ${made.stderr}`);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('scripts/build.js', () => {
  it('makes one file of each program, and says beside them what they are', () => {
    expect(readdirSync(app).sort()).toEqual(['agent.js', 'aggregator.js', 'package.json', 'plumbline.js']);
  });

  it('says what it could not make, and fails', async () => {
    const file = join(place, 'file');
    writeFileSync(file, '');
    const { code, stderr } = await run([join(root, 'scripts/build.js'), join(file, 'below')], root);
    expect([code, stderr.includes('Failed to')]).toEqual([1, true]);
  });
});

describe.each(['agent', 'aggregator', 'plumbline'])('%s.js, far from any package', (name) => {
  it('tells its version', async () => {
    const { code, stdout, stderr } = await run([join(app, `${name}.js`), '--version'], empty);
    expect({ code, stdout: stdout.trim().split(' ').at(-1), stderr }).toEqual({
      code: 0,
      stdout: manifest.version,
      stderr: '',
    });
  });

  it('tells how it is used', async () => {
    const { code, stdout, stderr } = await run([join(app, `${name}.js`), '--help'], empty);
    expect({ code, stdout: /^usage: /i.test(stdout), stderr }).toEqual({ code: 0, stdout: true, stderr: '' });
  });
});

function run(args: readonly string[], cwd: string): Promise<Ending> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd, env: { PATH: '/usr/bin:/bin' } }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
