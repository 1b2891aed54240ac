/** A program that the demo starts, watches and ends. Its output goes to a file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ProgramPlan {
  /** `agent of node-a`. */
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  readonly folder: string;
  readonly logFile: string;
}

/** The agent takes up to 5 s for a stop, the aggregator as long for answers on their way. */
const stopWithinMs = 7000;

/** What the programs find by name: Node, and what reads and writes rules. */
const path = [dirname(process.execPath), '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(':');

/** Has the kernel end a program when the demo is killed and cannot do so: setpriv(1), prctl(2). Debian always has it. */
const setpriv = '/usr/bin/setpriv';
const endsWithUs = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'TERM', '--'] : [];

export class ChildProgram {
  readonly name: string;
  readonly logFile: string;
  /** Settles when the program is over, with how it ended: `exit code 1`. */
  readonly whenEnded: Promise<string>;
  readonly #process: ChildProcess;
  #isStopping = false;

  constructor({ name, command, folder, logFile }: ProgramPlan) {
    this.name = name;
    this.logFile = logFile;
    const log = openSync(logFile, 'a', 0o600);
    // A session of its own: Ctrl-C is for the demo, which ends its programs in its own order. The pipe ends with it.
    const [program = '', ...args] = [...endsWithUs, ...command];
    const child = spawn(program, args, {
      cwd: folder,
      detached: true,
      env: { PATH: path, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    child.stdin?.on('error', () => undefined);
    this.#process = child;
    this.whenEnded = new Promise((resolve) => {
      child.once('error', (cause) => resolve(cause.message));
      child.once('exit', (code, signal) => resolve(code === null ? `signal ${signal}` : `exit code ${code}`));
    });
  }

  /** Null when it could not be started. */
  get pid(): number | null {
    return this.#process.pid ?? null;
  }

  /** Whether it was told to end. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Ends it: asks first, and kills it when that takes too long. Settles when it is gone, with whether it was killed. */
  async stop(): Promise<{ readonly wasKilled: boolean }> {
    this.#isStopping = true;
    this.#process.stdin?.destroy();
    this.#signal('SIGTERM');
    let wasKilled = false;
    const timer = setTimeout(() => {
      wasKilled = true;
      this.#signal('SIGKILL');
    }, stopWithinMs);
    await this.whenEnded;
    clearTimeout(timer);
    return { wasKilled };
  }

  /** The last lines of what it wrote. */
  lastLines(most: number): readonly string[] {
    const lines = readFileSync(this.logFile, 'utf8').split('\n');
    return lines.filter((line) => line !== '').slice(-most);
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It ended by itself in this very moment.
    }
  }
}
