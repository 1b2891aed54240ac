/**
 * The programs that a test starts. Each ends with the test, whatever happens: by its pid when the test is over, and by
 * the kernel (prctl(2), PR_SET_PDEATHSIG) when the test itself was killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The command line of this checkout. */
export const plumbline = join(import.meta.dirname, '../../bin/plumbline');

export interface ProgramStart {
  /** For messages: `agent of node-a`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** What it prints goes to the end of this file. */
  readonly logFile: string;
  /** The folder that it runs in; this process's own unless given. */
  readonly folder?: string;
}

/** How a program ended: its exit code, or the signal that ended it. */
export type Ending = number | NodeJS.Signals;

/** Longer than any program's own deadline for ending. */
const patienceMs = 25_000;

export class Program {
  readonly name: string;
  readonly pid: number;
  readonly #logFile: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ending>;

  /** @throws when it cannot be started. */
  constructor({ name, command, logFile, folder = '.' }: ProgramStart) {
    this.name = name;
    this.#logFile = logFile;
    const log = openSync(logFile, 'a');
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
      cwd: folder,
      // Some end when their input does.
      stdio: ['pipe', log, log],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    closeSync(log);
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${name} could not be started: is setpriv(1) installed?`);
    this.pid = pid;
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it. One that does not end in time is killed, and that is how it ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Ending> {
    if (this.isRunning) this.#child.kill(signal);
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    const ending = await this.#ended;
    clearTimeout(deadline);
    return ending;
  }

  /** The last lines that it printed, for the report of a failure. */
  lastLines(count: number): string {
    const lines = existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8').trimEnd().split('\n') : [];
    return `--- ${this.name} (pid ${this.pid}), its last lines:\n${lines.slice(-count).join('\n')}`;
  }
}
