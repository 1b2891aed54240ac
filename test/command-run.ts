/** Runs a command of the program within this process, with what it prints kept. */
import { Readable } from 'node:stream';
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
  /** The reader of stdout goes once this is in it. */
  readonly closesAt?: RegExp;
  /** Called with all of stdout after each print. */
  readonly onPrint?: (out: string) => void;
}

/** The run of `plumbline` with these arguments, once it is over. Usage errors are thrown, as commander does. */
export async function runCommand(
  args: readonly string[],
  { server = null, closesAt = /$^/, onPrint = () => undefined }: RunOptions = {},
): Promise<CommandRun> {
  const run: CommandRun = { exitCode: null, out: '', err: '' };
  const context: Context = {
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
    environment: {},
    onInterrupt: () => () => undefined,
    exitWith: (code) => {
      run.exitCode = code;
    },
  };
  const program = buildProgram(context, {
    version: '0.2.0',
    out: (text) => {
      run.out += text;
    },
    err: (text) => {
      run.err += text;
    },
  });
  await program.parseAsync(['node', 'plumbline', ...args]);
  return run;
}
