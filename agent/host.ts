/**
 * The one door to the node: with host-files.ts the ONLY file that runs programs, reads host files or asks a loopback
 * port. Few methods, so that a folder of recordings can stand for a node (see recorded-host.ts).
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type ListResult, listFolder, type ReadResult, readFile } from './host-files.ts';

export type { ListResult, ReadResult };

/** A program's run. The output went to the consumer while it ran. */
export type RunResult =
  | { readonly ok: true; readonly stderr: string; readonly bytes: number }
  | {
      readonly ok: false;
      /**
       * `absent`: the program is not installed. `failed`: it ended with another code than 0. `stopped`: whoever ran it
       * wanted no more of it.
       */
      readonly kind: 'absent' | 'failed' | 'deadline' | 'too-long' | 'not-permitted' | 'stopped';
      readonly message: string;
    };

export type GetResult =
  | { readonly ok: true; readonly status: number; readonly body: string }
  | {
      readonly ok: false;
      /** `absent`: this host has no such thing to ask, as a recording without kube-proxy; says nothing of the node. */
      readonly kind: 'refused' | 'deadline' | 'too-long' | 'failed' | 'absent';
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
  /** Kills the program when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface Host {
  /**
   * Runs a program in its own process group, with PATH, LC_ALL=C and TZ=UTC as its whole environment; the group is
   * killed at the deadline.
   * @param onOutput gets each piece of stdout as it comes; the piece may be reused, so copy what is kept.
   */
  run(command: Command, onOutput: (piece: Uint8Array) => void): Promise<RunResult>;
  /** Reads one host file whole, at most `maxBytes`. Only a regular file: a symbolic link is told, never followed. */
  read(path: string, maxBytes: number): Promise<ReadResult>;
  /** GET on a loopback address, any other is refused. */
  get(url: string, deadlineMs: number): Promise<GetResult>;
  /** Lists a folder by name, at most so many names. A host without this method has no folders to show. */
  list?(path: string, maxNames: number): Promise<ListResult>;
  /** The most memory that any program which was run has held so far; a host that runs none has no such thing. */
  childPeakBytes?(): number;
}

/**
 * Every program that may ever run. `cat` reads files of another network namespace; `stdbuf` runs xtables-monitor, which
 * would keep its lines to itself until it has many.
 */
const programs = [
  'iptables-legacy-save',
  'ip6tables-legacy-save',
  'iptables-nft-save',
  'ip6tables-nft-save',
  'nft',
  'ip',
  'cat',
  'stdbuf',
] as const;
const systemFolders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const stderrLimit = 4096;
const bodyLimit = 4 * 1024 * 1024;

export interface LocalHostOptions {
  /** Name of a network namespace of `ip netns` to observe instead of one's own; tests and the demo use it. */
  readonly netns?: string;
  /** Stands in for GET; without it a host with `netns` has no kube-proxy to ask (`absent`). */
  readonly get?: Host['get'];
  /** Where programs are looked for, once. */
  readonly programFolders?: readonly string[];
}

/** This machine, or one of its network namespaces. */
export function localHost(options: LocalHostOptions = {}): Host {
  const { netns } = options;
  const paths = new Map<string, string>();
  let childPeak = 0;
  const onPeak = (bytes: number) => {
    childPeak = Math.max(childPeak, bytes);
  };
  for (const name of programs) {
    const path = findProgram(name, options.programFolders ?? systemFolders);
    if (path !== null) paths.set(name, path);
  }
  const run: Host['run'] = (command, onOutput) => {
    const path = paths.get(command.program);
    if (path === undefined) return Promise.resolve(notInstalled(command.program));
    if (netns === undefined) return runProgram(path, command, { onOutput, onPeak });
    const ip = paths.get('ip');
    if (ip === undefined) return Promise.resolve(notInstalled('ip'));
    const args = ['netns', 'exec', netns, path, ...command.args];
    return runProgram(ip, { ...command, args }, { onOutput, onPeak });
  };
  return {
    run,
    read: (path, maxBytes) =>
      netns !== undefined && path.startsWith('/proc/net/') ? readByCat(run, path, maxBytes) : readFile(path, maxBytes),
    get: options.get ?? (netns === undefined ? getLoopback : notAsked(netns)),
    childPeakBytes: () => childPeak,
    // Files do not follow a network namespace: what lies here is another node's.
    ...(netns === undefined ? { list: listFolder } : {}),
  };
}

function findProgram(name: string, folders: readonly string[]): string | null {
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there, or not ours to run: the next folder may have it.
    }
  }
  return null;
}

function notInstalled(program: string): RunResult {
  return { ok: false, kind: 'absent', message: `${program} is not installed` };
}

function notAsked(netns: string): Host['get'] {
  return async (url) => ({ ok: false, kind: 'absent', message: `GET ${url}: not asked from namespace ${netns}` });
}

interface RunListener {
  readonly onOutput: (piece: Uint8Array) => void;
  /** Gets the most memory the program has held, in bytes, each time it was looked at. */
  readonly onPeak: (bytes: number) => void;
}

/**
 * The child leads a process group of its own, and SIGKILL goes to the whole group: a program that ignores SIGTERM, or
 * leaves children behind that hold its output open, would otherwise outlive any deadline.
 */
function runProgram(path: string, command: Command, { onOutput, onPeak }: RunListener): Promise<RunResult> {
  const { program, deadlineMs, maxBytes, signal } = command;
  if (signal?.aborted) return Promise.resolve(stopped(program));
  return new Promise((resolve) => {
    const env = { PATH: systemFolders.join(':'), LC_ALL: 'C', TZ: 'UTC' };
    const child = spawn(path, command.args, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.on('error', (error: NodeJS.ErrnoException) => resolve(notStarted(program, error)));
    // Without a process there are no pipes either; the error event is still to come.
    if (child.pid === undefined) return;
    const watch = watchPeak(child.pid, deadlineMs, onPeak);
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
    const timer = deadlineMs === Infinity ? undefined : setTimeout(onDeadline, deadlineMs);
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

/** How often a program's memory is looked at, which takes some 20 microseconds; one without a deadline hardly grows. */
const peakEveryMs = 50;
const peakOfLongRunEveryMs = 10_000;

/** Looks at a child's memory while it runs. */
function watchPeak(
  pid: number,
  deadlineMs: number,
  onPeak: (bytes: number) => void,
): { readonly look: () => void; readonly end: () => void } {
  const look = () => {
    const bytes = peakOf(pid);
    if (bytes !== null) onPeak(bytes);
  };
  const timer = setInterval(look, deadlineMs === Infinity ? peakOfLongRunEveryMs : peakEveryMs);
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

function endedBadly(program: string, how: string, stderr: string): RunResult {
  const line = firstLine(stderr);
  const refused = line.includes('Permission denied') || line.includes('Operation not permitted');
  const message = line === '' ? `${program} ${how}` : `${program} ${how}: ${line}`;
  return { ok: false, kind: refused ? 'not-permitted' : 'failed', message };
}

function firstLine(text: string): string {
  const end = text.indexOf('\n');
  return (end < 0 ? text : text.slice(0, end)).trim();
}

function isPermission(code: string | undefined): boolean {
  return code === 'EACCES' || code === 'EPERM';
}

async function readByCat(run: Host['run'], path: string, maxBytes: number): Promise<ReadResult> {
  const pieces: Uint8Array[] = [];
  const command: Command = { program: 'cat', args: [path], deadlineMs: 5000, maxBytes };
  const result = await run(command, (piece) => pieces.push(Uint8Array.from(piece)));
  if (result.ok) return { ok: true, bytes: Buffer.concat(pieces) };
  if (result.message.includes(`${path}: No such file`))
    return { ok: false, kind: 'absent', message: `${path} does not exist` };
  const isKind = result.kind === 'not-permitted' || result.kind === 'too-long';
  return { ok: false, kind: isKind ? result.kind : 'failed', message: result.message };
}

/** Any other host is refused: nothing that is read or received may make the agent talk to the network. */
function getLoopback(url: string, deadlineMs: number): Promise<GetResult> {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'http:' || (parsed.hostname !== '127.0.0.1' && parsed.hostname !== '[::1]')) {
    return Promise.resolve({ ok: false, kind: 'refused', message: `GET ${url}: only loopback addresses are asked` });
  }
  return new Promise((resolve) => {
    const asked = request(parsed, { agent: false });
    const settle = (result: GetResult) => {
      clearTimeout(timer);
      resolve(result);
      asked.destroy();
    };
    const fail = (kind: 'refused' | 'deadline' | 'too-long' | 'failed', what: string) =>
      settle({ ok: false, kind, message: `GET ${url}: ${what}` });
    const timer = setTimeout(() => fail('deadline', `no answer within ${deadlineMs} ms`), deadlineMs);
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') fail('refused', 'connection refused');
      else fail('failed', error.message);
    });
    asked.on('response', (response) => {
      const pieces: Buffer[] = [];
      let total = 0;
      response.on('data', (piece: Buffer) => {
        total += piece.length;
        if (total > bodyLimit) fail('too-long', `more than ${bodyLimit} bytes`);
        else pieces.push(piece);
      });
      response.on('error', (error) => fail('failed', error.message));
      response.on('end', () =>
        settle({ ok: true, status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }),
      );
    });
    asked.end();
  });
}
