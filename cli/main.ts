/** The program `plumbline`: wiring only, and the only reader of arguments, environment and standard streams. */
import { readFileSync } from 'node:fs';
import { constants, hostname } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import type { Context } from './context.ts';
import { buildProgram } from './program.ts';
import { streamTerminal, type Terminal } from './terminal.ts';

const needsNode = 24;

await main();

async function main(): Promise<void> {
  const terminal = streamTerminal(process.stdout, process.stderr, wantsColours(process.env));
  if (Number.parseInt(process.versions.node, 10) < needsNode) {
    await terminal.warn(`plumbline: needs Node ${needsNode} or newer, this is ${process.version}\n`);
    process.exitCode = 2;
    return;
  }
  // A failure on the way to the verdict must never look like "findings" (1): whatever is thrown is "no answer" (2).
  try {
    await runCommand(terminal);
  } catch (cause) {
    await terminal.warn(
      `plumbline: ${cause instanceof Error ? cause.stack : String(cause)}\nThis is a defect of plumbline.\n`,
    );
    process.exitCode = 2;
  }
}

async function runCommand(terminal: Terminal): Promise<void> {
  // Commander writes synchronously and then throws; its words are kept until they can be awaited.
  const said = { out: '', err: '' };
  const program = buildProgram(processContext(terminal), {
    version: ownVersion(),
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  try {
    await program.parseAsync(process.argv);
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    process.exitCode = cause.exitCode === 0 ? 0 : 2;
  }
  await terminal.print(said.out);
  await terminal.warn(said.err);
}

function processContext(terminal: Terminal): Context {
  const tidying = new Set<() => void>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      for (const tidy of tidying) tidy();
      process.exit(128 + constants.signals[signal]);
    });
  }
  return {
    terminal,
    stdin: process.stdin,
    isRoot: process.getuid?.() === 0,
    hostname: hostname(),
    onInterrupt(tidy) {
      tidying.add(tidy);
      return () => tidying.delete(tidy);
    },
    exitWith(code) {
      process.exitCode = code;
    },
  };
}

/** https://no-color.org and its opposite; null where the user says nothing. */
function wantsColours(environment: NodeJS.ProcessEnv): boolean | null {
  if (environment.NO_COLOR) return false;
  if (environment.FORCE_COLOR) return environment.FORCE_COLOR !== '0';
  return environment.TERM === 'dumb' ? false : null;
}

function ownVersion(): string {
  const read: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
  return typeof read === 'object' && read !== null && 'version' in read ? String(read.version) : 'unknown';
}
