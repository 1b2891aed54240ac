/** The program `plumbline`: wiring only, and the only reader of arguments, environment and standard streams. */
import { constants, hostname } from 'node:os';
import { CommanderError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { complete } from './completion/complete.ts';
import type { Context } from './context.ts';
import { buildProgram } from './program.ts';
import { streamTerminal, type Terminal } from './terminal.ts';

const needsNode = 24;
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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
  const context = processContext(terminal);
  const program = buildProgram(context, {
    // bin/plumbline says by which of its names it was called.
    name: process.env.KUBECTL_PLUMBLINE ? 'kubectl plumbline' : 'plumbline',
    version: manifest.version,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  const [, , command, ...words] = process.argv;
  // What is typed so far is no command line yet.
  if (command === '__complete') return complete(program, words, context);
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
  const tidying = new Set<() => void | Promise<void>>();
  let isEnding = false;
  const end = async (signal: (typeof endSignals)[number]) => {
    // Pressing Ctrl-C again makes nothing tidier.
    if (isEnding) return;
    isEnding = true;
    process.exitCode = undefined;
    try {
      await Promise.all([...tidying].map((tidy) => tidy()));
    } finally {
      process.exit(process.exitCode ?? 128 + constants.signals[signal]);
    }
  };
  for (const signal of endSignals) process.on(signal, end);
  return {
    terminal,
    stdin: process.stdin,
    isRoot: process.getuid?.() === 0,
    hostname: hostname(),
    server: process.env.PLUMBLINE_SERVER || null,
    tokenFile: process.env.PLUMBLINE_TOKEN_FILE || null,
    namespace: process.env.PLUMBLINE_NAMESPACE || null,
    environment: process.env,
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
