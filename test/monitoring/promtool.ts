/** promtool(1), which comes with Prometheus. */
import { spawnSync } from 'node:child_process';

export interface Verdict {
  readonly status: number | null;
  /** All that it printed. */
  readonly words: string;
}

/** @throws when it is not installed. */
export function promtool(args: readonly string[], input = ''): Verdict {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8', timeout: 30_000 });
  if (error !== undefined) throw new Error('promtool could not be run: is prometheus installed?', { cause: error });
  return { status, words: stdout + stderr };
}
