/** What main.ts hands to each command: the only way for it to reach the outside. */
import type { Readable } from 'node:stream';
import type { AccessEnvironment } from '../aggregator/cluster/find-access.ts';
import { type Refusal, refusalText } from './refusal.ts';
import type { Terminal } from './terminal.ts';

/** 0 clean, 1 findings at or above `--fail-on`, 2 could not do the work. */
export type ExitCode = 0 | 1 | 2;

export interface Context {
  readonly terminal: Terminal;
  readonly stdin: Readable;
  /** Whether this process may change the kernel's rules. */
  readonly isRoot: boolean;
  readonly hostname: string;
  /** PLUMBLINE_SERVER: the URL of the aggregator; null where the environment does not say. */
  readonly server: string | null;
  /** PLUMBLINE_TOKEN_FILE: a file with the token to show the aggregator; null where the environment does not say. */
  readonly tokenFile: string | null;
  /** PLUMBLINE_NAMESPACE: where the aggregator runs; null where the environment does not say. */
  readonly namespace: string | null;
  /** How kubectl would find the cluster. */
  readonly environment: AccessEnvironment;
  /**
   * What must be tidied when the user ends the program early (Ctrl-C, SIGTERM, SIGHUP). It runs to its end, and then
   * the program is over, with the exit code that it gave to `exitWith`, else with 128 and the signal's number. Gives
   * back what takes it off again.
   */
  onInterrupt(tidy: () => void | Promise<void>): () => void;
  /** A command's last word; main.ts exits with it once everything is written. */
  exitWith(code: ExitCode): void;
}

/** Ends a command that could not do its work: the reason on stderr, nothing on stdout, exit code 2. */
export async function refuse(context: Context, refusal: Refusal): Promise<void> {
  await context.terminal.warn(refusalText(refusal));
  context.exitWith(2);
}
