/**
 * Programs of the node, behind the door that is host.ts: each in a process group of its own, with limits of time and
 * output.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A program's run. The output went to the consumer while it ran. */
export type RunResult =
  | { readonly ok: true; readonly stderr: string; readonly bytes: number }
  | {
      readonly ok: false;
      /**
       * `absent`: the program is not installed. `failed`: it ended with another code than 0. `too-large`: it took more
       * memory than it may. `stopped`: whoever ran it wanted no more of it.
       */
      readonly kind: 'absent' | 'failed' | 'deadline' | 'too-long' | 'too-large' | 'not-permitted' | 'stopped';
      readonly message: string;
    };

export interface Command {
  /** Name from the fixed list of programs, never a path given from outside. */
  readonly program: string;
  readonly args: readonly string[];
  /** Infinity for a program that runs as long as it is wanted; such a one has a `signal`. */
  readonly deadlineMs: number;
  /** More output than this is `too-long`. */
  readonly maxBytes: number;
  /** A program that holds more memory is killed (`too-large`); it is looked at every 50 ms. Absent = no limit. */
  readonly maxMemoryBytes?: number;
  /** Kills the program when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Every program that may ever run. `cat` reads files of another network namespace; `stdbuf` runs xtables-monitor, which
 * would keep its lines to itself until it has many; `setpriv` has a program without a deadline killed when the agent was.
 */
export const hostPrograms = [
  'iptables-legacy-save',
  'ip6tables-legacy-save',
  'iptables-nft-save',
  'ip6tables-nft-save',
  'nft',
  'ip',
  'bridge',
  'ethtool',
  'conntrack',
  'ipset',
  'ipvsadm',
  'cat',
  'stdbuf',
  'setpriv',
] as const;

/** The whole PATH of every program. */
export const systemFolders: readonly string[] = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const stderrLimit = 4096;

/** The run of a program that is not there. */
export function notInstalled(program: string): RunResult {
  return { ok: false, kind: 'absent', message: `${program} is not installed` };
}

/** Whether nothing but its signal ends the program; one with a deadline ends by itself when nobody is left to end it. */
export function isEndless({ deadlineMs }: Command): boolean {
  return deadlineMs === Infinity;
}

export interface RunListener {
  readonly onOutput: (piece: Uint8Array) => void;
  /** Gets the most memory the program has held, in bytes, each time it was looked at. */
  readonly onPeak: (bytes: number) => void;
}

/**
 * Runs a program to its end, its deadline, its cap or its signal; never throws.
 * @param words its path and all its arguments; what stands before the program itself included.
 *
 * The child leads a process group of its own, and SIGKILL goes to the whole group: a program that ignores SIGTERM, or
 * leaves children behind that hold its output open, would otherwise outlive any deadline.
 */
export function runProgram(
  words: readonly string[],
  command: Command,
  { onOutput, onPeak }: RunListener,
): Promise<RunResult> {
  const [path = '', ...args] = words;
  const { program, deadlineMs, maxBytes, maxMemoryBytes = Infinity, signal } = command;
  if (signal?.aborted) return Promise.resolve(stopped(program));
  return new Promise((resolve) => {
    const env = { PATH: systemFolders.join(':'), LC_ALL: 'C', TZ: 'UTC' };
    const child = spawn(path, args, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.on('error', (error: NodeJS.ErrnoException) => resolve(notStarted(program, error)));
    // Without a process there are no pipes either; the error event is still to come.
    if (child.pid === undefined) return;
    const watch = watchPeak(child.pid, isEndless(command), (peak) => {
      onPeak(peak);
      if (peak > maxMemoryBytes) stop({ ok: false, kind: 'too-large', message: tooLarge(program, maxMemoryBytes) });
    });
    // A short run may be over before the timer looks.
    child.stdout.once('data', watch.look);
    let bytes = 0;
    let stderr = '';
    let done = false;
    const settle = (result: RunResult) => {
      if (done) return;
      done = true;
      watch.end();
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const stop = (result: RunResult) => {
      if (done) return;
      killGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
      settle(result);
    };
    const onAbort = () => stop(stopped(program));
    signal?.addEventListener('abort', onAbort);
    const late = `${program} did not end within ${deadlineMs} ms`;
    const onDeadline = () => stop({ ok: false, kind: 'deadline', message: late });
    // A timer cannot be set for ever: it would fire at once.
    const timer = isEndless(command) ? undefined : setTimeout(onDeadline, deadlineMs);
    child.stdout.on('data', (piece: Buffer) => {
      if (done) return;
      bytes += piece.length;
      if (bytes <= maxBytes) onOutput(piece);
      else stop({ ok: false, kind: 'too-long', message: `${program} printed more than ${maxBytes} bytes` });
    });
    child.stderr.on('data', (piece: Buffer) => {
      if (stderr.length < stderrLimit) stderr = (stderr + piece.toString('utf8')).slice(0, stderrLimit);
    });
    child.on('close', (code, killedBy) => {
      if (code === 0) settle({ ok: true, stderr, bytes });
      else settle(endedBadly(program, code === null ? `was ended by ${killedBy}` : `ended with code ${code}`, stderr));
    });
  });
}

function stopped(program: string): RunResult {
  return { ok: false, kind: 'stopped', message: `${program} was stopped` };
}

function tooLarge(program: string, maxMemoryBytes: number): string {
  return `${program} took more than ${Math.round(maxMemoryBytes / 2 ** 20)} MiB of memory`;
}

/** How often a program's memory is looked at, which takes some 20 microseconds; one without a deadline hardly grows. */
const peakEveryMs = 50;
const peakOfLongRunEveryMs = 10_000;

/** Looks at a child's memory while it runs. */
function watchPeak(
  pid: number,
  isLongRun: boolean,
  onPeak: (bytes: number) => void,
): { readonly look: () => void; readonly end: () => void } {
  const look = () => {
    const bytes = peakOf(pid);
    if (bytes !== null) onPeak(bytes);
  };
  const timer = setInterval(look, isLongRun ? peakOfLongRunEveryMs : peakEveryMs);
  return { look, end: () => clearInterval(timer) };
}

/** `VmHWM:    33068 kB` of proc_pid_status(5); null when the process is over. */
function peakOf(pid: number): number | null {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // The group ended by itself in this very moment.
  }
}

function notStarted(program: string, error: NodeJS.ErrnoException): RunResult {
  if (error.code === 'ENOENT') return notInstalled(program);
  const kind = isPermission(error.code) ? 'not-permitted' : 'failed';
  return { ok: false, kind, message: `${program} could not be started: ${error.message}` };
}

/** The last are conntrack's words: `sorry, you must be root or get CAP_NET_ADMIN capability to do this`. */
const refusal = /Permission denied|Operation not permitted|you must be root or get CAP_/;

function endedBadly(program: string, how: string, stderr: string): RunResult {
  // Some warn of other things first.
  const refused = stderr.split('\n').find((line) => refusal.test(line));
  const line = refused?.trim() ?? firstLine(stderr);
  const message = line === '' ? `${program} ${how}` : `${program} ${how}: ${line}`;
  return { ok: false, kind: refused === undefined ? 'failed' : 'not-permitted', message };
}

function firstLine(text: string): string {
  const end = text.indexOf('\n');
  return (end < 0 ? text : text.slice(0, end)).trim();
}

function isPermission(code: string | undefined): boolean {
  return code === 'EACCES' || code === 'EPERM';
}
