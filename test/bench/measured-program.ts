/** Measured programs: each run in a process of its own, as an image would hold it, with the agent's own flags. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { agentNodeFlags } from '../../agent/node-flags.ts';
import { mustRunIn } from '../kernel/namespaces.ts';

/** Modules in the old format call require, which modules in the new one do not have. */
const requireForBundles =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

export interface MeasuredRun {
  /** Its bundle is put here. */
  readonly folder: string;
  /** A file of this folder, which prints one line of JSON. */
  readonly program: string;
  readonly args: readonly string[];
  readonly runs: number;
  /** What it finds in its environment beside PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a program several times, each time to its end. @throws when it fails. */
export function measure<Cost>({ folder, program, args, runs, environment }: MeasuredRun): readonly Cost[] {
  const bundle = join(folder, program.replace('.ts', '.mjs'));
  buildSync({
    entryPoints: [join(import.meta.dirname, program)],
    outfile: bundle,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    banner: { js: requireForBundles },
    define: { 'import.meta.dirname': JSON.stringify(join(import.meta.dirname, '..')) },
    logLevel: 'error',
  });
  return Array.from({ length: runs }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...agentNodeFlags, bundle, ...args], {
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', ...environment },
    });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
    // Written by our own programs: their types say what it is.
    const cost: Cost = JSON.parse(stdout);
    return cost;
  });
}

/** CPU seconds, user and system, that a command takes in a namespace, once for each run. @throws when it fails. */
export function cpuSecondsOf(namespace: string, command: string, runs: number): readonly number[] {
  const timed = `TIMEFORMAT="%U %S"; time ${command} > /dev/null`;
  return Array.from({ length: runs }, () => {
    const times = mustRunIn(namespace, 'bash', ['-c', `{ ${timed}; } 2>&1`])
      .trim()
      .split(' ');
    return times.reduce((sum, seconds) => sum + Number(seconds), 0);
  });
}
