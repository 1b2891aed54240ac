import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from './source-files.ts';

const place = mkdtempSync(join(tmpdir(), 'plumbline-launcher-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** A checkout whose command line is the given program. */
function checkout(name: string, main: string): string {
  const folder = join(place, name);
  for (const each of ['bin', 'cli']) mkdirSync(join(folder, each), { recursive: true });
  copyFileSync(join(root, 'bin/plumbline'), join(folder, 'bin/plumbline'));
  writeFileSync(join(folder, 'cli/main.ts'), main);
  return folder;
}

function withNode(folder: string): string {
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(process.execPath, join(folder, 'node_modules/.bin/node'));
  return folder;
}

interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, ...args: readonly string[]): Promise<Ending> {
  const options = { cwd: tmpdir(), env: { PATH: '/usr/bin:/bin' } };
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

describe('bin/plumbline', () => {
  it('before set-up says in one line what to do, and ends with 2', async () => {
    const folder = checkout('fresh', '');
    expect(await run(join(folder, 'bin/plumbline'), 'audit')).toEqual({
      code: 2,
      stdout: '',
      stderr: `plumbline: set-up has not run in ${folder}: run "npm start" or "npm test" there once\n`,
    });
  });

  it('through links, from another folder, gives the command line its arguments and hands on its exit code', async () => {
    const main =
      'const words: readonly string[] = process.argv.slice(2);\nconsole.log(JSON.stringify(words));\nprocess.exit(7);\n';
    const folder = withNode(checkout('ready', main));
    mkdirSync(join(place, 'path'));
    symlinkSync('../ready/bin/plumbline', join(place, 'path/kubectl-plumbline'));
    symlinkSync(join(place, 'path/kubectl-plumbline'), join(place, 'link'));
    const expected = { code: 7, stdout: '["audit","a b","*"]\n', stderr: '' };
    expect(await run(join(folder, 'bin/plumbline'), 'audit', 'a b', '*')).toEqual(expected);
    expect(await run(join(place, 'link'), 'audit', 'a b', '*')).toEqual(expected);
  });

  it('without a Node of its own and with an old one installed says so, and ends with 2', async () => {
    const folder = checkout('old', '');
    mkdirSync(join(folder, 'node_modules'));
    mkdirSync(join(place, 'old-node'));
    writeFileSync(join(place, 'old-node/node'), '#!/bin/sh\necho false\n', { mode: 0o755 });
    const ending = await run(
      '/usr/bin/env',
      `PATH=${join(place, 'old-node')}:/usr/bin:/bin`,
      join(folder, 'bin/plumbline'),
    );
    expect(ending).toEqual({
      code: 2,
      stdout: '',
      stderr: `plumbline: needs Node 24 or later on the PATH: there is none in ${folder}/node_modules\n`,
    });
  });

  it('hands signals on: the command line ends as it likes', async () => {
    const main =
      "process.once('SIGTERM', () => process.exit(5));\nconsole.log('ready');\nsetTimeout(() => null, 30_000);\n";
    const folder = withNode(checkout('signalled', main));
    const child = spawn(join(folder, 'bin/plumbline'), { stdio: ['ignore', 'pipe', 'inherit'] });
    const code = await new Promise((resolve) => {
      child.stdout.once('data', () => child.kill('SIGTERM'));
      child.once('exit', resolve);
    });
    expect(code).toBe(5);
  });
});
