/** Runs a command of the program within this process, with what it prints kept. */
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { complete } from '../cli/completion/complete.ts';
import type { Context, ExitCode } from '../cli/context.ts';
import { buildProgram } from '../cli/program.ts';

export interface CommandRun {
  /** Null while the command has not said its last word. */
  exitCode: ExitCode | null;
  out: string;
  err: string;
}

interface RunOptions {
  /** PLUMBLINE_SERVER. */
  readonly server?: string | null;
  /** PLUMBLINE_TOKEN_FILE. */
  readonly tokenFile?: string | null;
  /** KUBECONFIG; without it there is none. */
  readonly kubeconfig?: string;
  /** The reader of stdout goes once this is in it. */
  readonly closesAt?: RegExp;
  /** Called with all of stdout after each print. */
  readonly onPrint?: (out: string) => void;
}

/** The run of `plumbline` with these arguments, once it is over. Usage errors are thrown, as commander does. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<CommandRun> {
  const run: CommandRun = { exitCode: null, out: '', err: '' };
  const program = programWithin(run, contextWithin(run, options));
  await program.parseAsync(['node', 'plumbline', ...args]);
  return run;
}

/** What a shell is told that completes these words; the last is at the cursor. */
export async function completeWords(words: readonly string[], options: RunOptions = {}): Promise<string> {
  const run: CommandRun = { exitCode: null, out: '', err: '' };
  const context = contextWithin(run, options);
  await complete(programWithin(run, context), words, context);
  return run.out + run.err;
}

/** The commands that a user may type, not those within them. */
export function commandsWithin(): readonly Command[] {
  const run: CommandRun = { exitCode: null, out: '', err: '' };
  return programWithin(run, contextWithin(run, {})).commands;
}

/** All commands, with what commander itself says kept in the run. */
function programWithin(run: CommandRun, context: Context): Command {
  return buildProgram(context, {
    version: '0.2.0',
    out: (text) => {
      run.out += text;
    },
    err: (text) => {
      run.err += text;
    },
  });
}

function contextWithin(
  run: CommandRun,
  { server = null, tokenFile = null, kubeconfig, closesAt = /$^/, onPrint = () => undefined }: RunOptions,
): Context {
  return {
    terminal: {
      colours: false,
      columns: 100,
      print: async (text) => {
        run.out += String(text);
        onPrint(run.out);
      },
      warn: async (text) => {
        run.err += text;
      },
      isClosed: () => closesAt.test(run.out),
    },
    stdin: Readable.from([]),
    isRoot: false,
    hostname: 'test',
    server,
    tokenFile,
    namespace: null,
    environment: { KUBECONFIG: kubeconfig },
    onInterrupt: () => () => undefined,
    exitWith: (code) => {
      run.exitCode = code;
    },
  };
}
