/**
 * The one door to the node: the ONLY file that runs programs, reads host files or asks a loopback port.
 * Three methods, so that a folder of recordings can stand for a node (see recorded-host.ts).
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';

/** A program's run. The output went to the consumer while it ran. */
export type RunResult =
  | { readonly ok: true; readonly stderr: string; readonly bytes: number }
  | {
      readonly ok: false;
      /** `absent`: the program is not installed. `failed`: it ended with another code than 0. */
      readonly kind: 'absent' | 'failed' | 'deadline' | 'too-long' | 'not-permitted';
      readonly message: string;
    };

export type ReadResult =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly kind: 'absent' | 'not-permitted' | 'too-long' | 'failed'; readonly message: string };

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
  readonly deadlineMs: number;
  /** More output than this is `too-long`. */
  readonly maxBytes: number;
}

export interface Host {
  /**
   * Runs a program in its own process group, with PATH, LC_ALL=C and TZ=UTC as its whole environment; the group is
   * killed at the deadline.
   * @param onOutput gets each piece of stdout as it comes; the piece may be reused, so copy what is kept.
   */
  run(command: Command, onOutput: (piece: Uint8Array) => void): Promise<RunResult>;
  /** Reads one host file whole, at most `maxBytes`. */
  read(path: string, maxBytes: number): Promise<ReadResult>;
  /** GET on a loopback address, any other is refused. */
  get(url: string, deadlineMs: number): Promise<GetResult>;
}

/** Every program that may ever run. `cat` reads files of another network namespace. */
const programs = [
  'iptables-legacy-save',
  'ip6tables-legacy-save',
  'iptables-nft-save',
  'ip6tables-nft-save',
  'nft',
  'ip',
  'cat',
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
  for (const name of programs) {
    const path = findProgram(name, options.programFolders ?? systemFolders);
    if (path !== null) paths.set(name, path);
  }
  const run: Host['run'] = (command, onOutput) => {
    const path = paths.get(command.program);
    if (path === undefined) return Promise.resolve(notInstalled(command.program));
    if (netns === undefined) return runProgram(path, command, onOutput);
    const ip = paths.get('ip');
    if (ip === undefined) return Promise.resolve(notInstalled('ip'));
    return runProgram(ip, { ...command, args: ['netns', 'exec', netns, path, ...command.args] }, onOutput);
  };
  return {
    run,
    read: (path, maxBytes) =>
      netns !== undefined && path.startsWith('/proc/net/') ? readByCat(run, path, maxBytes) : readFile(path, maxBytes),
    get: options.get ?? (netns === undefined ? getLoopback : notAsked(netns)),
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

/**
 * The child leads a process group of its own, and SIGKILL goes to the whole group: a program that ignores SIGTERM, or
 * leaves children behind that hold its output open, would otherwise outlive any deadline.
 */
function runProgram(path: string, command: Command, onOutput: (piece: Uint8Array) => void): Promise<RunResult> {
  const { program, deadlineMs, maxBytes } = command;
  return new Promise((resolve) => {
    const env = { PATH: systemFolders.join(':'), LC_ALL: 'C', TZ: 'UTC' };
    const child = spawn(path, command.args, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.on('error', (error: NodeJS.ErrnoException) => resolve(notStarted(program, error)));
    // Without a process there are no pipes either; the error event is still to come.
    if (child.pid === undefined) return;
    let bytes = 0;
    let stderr = '';
    let done = false;
    const settle = (result: RunResult) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      resolve(result);
    };
    const stop = (kind: 'deadline' | 'too-long', message: string) => {
      if (done) return;
      killGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
      settle({ ok: false, kind, message });
    };
    const timer = setTimeout(() => stop('deadline', `${program} did not end within ${deadlineMs} ms`), deadlineMs);
    child.stdout.on('data', (piece: Buffer) => {
      if (done) return;
      bytes += piece.length;
      if (bytes > maxBytes) stop('too-long', `${program} printed more than ${maxBytes} bytes`);
      else onOutput(piece);
    });
    child.stderr.on('data', (piece: Buffer) => {
      if (stderr.length < stderrLimit) stderr = (stderr + piece.toString('utf8')).slice(0, stderrLimit);
    });
    child.on('close', (code, signal) => {
      if (code === 0) settle({ ok: true, stderr, bytes });
      else settle(endedBadly(program, code === null ? `was ended by ${signal}` : `ended with code ${code}`, stderr));
    });
  });
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

/** Files of /proc have no size, so one byte more than allowed is asked for. O_NONBLOCK: a pipe must not hang us. */
async function readFile(path: string, maxBytes: number): Promise<ReadResult> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const pieces: Buffer[] = [];
    let total = 0;
    while (total <= maxBytes) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(65536, maxBytes + 1 - total)));
      if (bytesRead === 0) return { ok: true, bytes: Buffer.concat(pieces) };
      pieces.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
    return { ok: false, kind: 'too-long', message: `${path} is longer than ${maxBytes} bytes` };
  } catch (cause) {
    return notRead(path, cause);
  }
}

function notRead(path: string, cause: unknown): ReadResult {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT') return { ok: false, kind: 'absent', message: `${path} does not exist` };
  const message = `${path} could not be read: ${cause instanceof Error ? cause.message : String(cause)}`;
  return { ok: false, kind: isPermission(code) ? 'not-permitted' : 'failed', message };
}

async function readByCat(run: Host['run'], path: string, maxBytes: number): Promise<ReadResult> {
  const pieces: Uint8Array[] = [];
  const command: Command = { program: 'cat', args: [path], deadlineMs: 5000, maxBytes };
  const result = await run(command, (piece) => pieces.push(Uint8Array.from(piece)));
  if (result.ok) return { ok: true, bytes: Buffer.concat(pieces) };
  if (result.message.includes(`${path}: No such file`))
    return { ok: false, kind: 'absent', message: `${path} does not exist` };
  const kind = result.kind === 'deadline' || result.kind === 'absent' ? 'failed' : result.kind;
  return { ok: false, kind, message: result.message };
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
