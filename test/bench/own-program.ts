/** Programs of this folder that run with the aggregator's own flags, each in a process of its own, so that memory is its alone. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { aggregatorNodeFlags } from '../../aggregator/node-flags.ts';

/** What it prints as one line of JSON. @throws when the program fails, with what it said. */
export function ownProgram<Cost>(name: string, sizes: readonly number[]): Cost {
  const program = join(import.meta.dirname, name);
  const run = spawnSync(process.execPath, [...aggregatorNodeFlags, program, ...sizes.map(String)], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
  });
  if (run.status !== 0) throw new Error(`${name} ended with ${run.status ?? run.signal}: ${run.stderr}`);
  // Written by our own program: its type says what it is.
  const costs: Cost = JSON.parse(run.stdout);
  return costs;
}
