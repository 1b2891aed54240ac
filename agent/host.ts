/**
 * The one door to the node: with host-files.ts, host-programs.ts, host-bird.ts and host-cri.ts the ONLY file that runs
 * programs, reads host files or asks a loopback port or a socket. Few methods, so that a folder of recordings can stand
 * for a node (see recorded-host.ts).
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { askBird, type BirdAnswer, birdSockets } from './host-bird.ts';
import type { ChooseSandboxes, SandboxesResult } from './host-cri.ts';
import {
  type FileIdentity,
  identifyFile,
  type ListResult,
  listExecutables,
  listFolder,
  type ReadResult,
  readFile,
  readKernelFiles,
} from './host-files.ts';
import {
  type Command,
  hostPrograms,
  isEndless,
  notInstalled,
  type RunResult,
  runProgram,
  systemFolders,
} from './host-programs.ts';
import { notPermitted } from './privileges.ts';

export type { Command, FileIdentity, ListResult, ReadResult, RunResult };

export type GetResult =
  | { readonly ok: true; readonly status: number; readonly body: string }
  | {
      readonly ok: false;
      /** `absent`: this host has no such thing to ask, as a recording without kube-proxy; says nothing of the node. */
      readonly kind: 'refused' | 'deadline' | 'too-long' | 'failed' | 'absent';
      readonly message: string;
    };

export interface Host {
  /**
   * Runs a program in its own process group, with PATH, LC_ALL=C and TZ=UTC as its whole environment; the group is
   * killed at the deadline.
   * @param onOutput gets each piece of stdout as it comes; the piece may be reused, so copy what is kept.
   */
  run(command: Command, onOutput: (piece: Uint8Array) => void): Promise<RunResult>;
  /** Reads one host file whole, at most `maxBytes`. Only a regular file: a symbolic link is told, never followed. */
  read(path: string, maxBytes: number): Promise<ReadResult>;
  /** GET on a loopback address or a known socket (`ciliumSocket` as the host); any other is refused. */
  get(url: string, deadlineMs: number): Promise<GetResult>;
  /** Lists a folder by name, at most so many names. A host without this method has no folders to show. */
  list?(path: string, maxNames: number): Promise<ListResult>;
  /** The files of a folder that can be run, links to such included. Without this method no folder shows any. */
  executables?(path: string, maxNames: number): Promise<ListResult>;
  /** What BIRD says of its protocols, at one of its known sockets. Without this method there is no BIRD. */
  askBird?(path: string): Promise<BirdAnswer>;
  /** What the container runtime says of its sandboxes. Without this method the user has not turned that on. */
  sandboxes?(choose: ChooseSandboxes): Promise<SandboxesResult>;
  /** Which file it is, symbolic links not followed; null when it cannot be told. Without this method it never can. */
  identify?(path: string): Promise<FileIdentity | null>;
  /** What `read` tells of many files of processes (/proc/<pid>/...), at a tenth of its cost. Without this, `read` does. */
  readOfProcesses?(paths: readonly string[], maxBytes: number): Promise<readonly ReadResult[]>;
  /** The most memory that any program which was run has held so far; a host that runs none has no such thing. */
  childPeakBytes?(): number;
}

const bodyLimit = 4 * 1024 * 1024;
/** Stands for the socket of Cilium's agent as the host of a URL. */
export const ciliumSocket = 'cilium.sock';
const ciliumSocketPath = '/var/run/cilium/cilium.sock';
/** Cilium lists all of its services in one answer. */
const socketBodyLimit = 32 * 1024 * 1024;

export interface LocalHostOptions {
  /** Name of a network namespace of `ip netns` to observe instead of one's own; tests and the demo use it. */
  readonly netns?: string;
  /** Stands in for GET; without it a host with `netns` has no kube-proxy to ask (`absent`). */
  readonly get?: Host['get'];
  /** Where Cilium's agent listens. */
  readonly ciliumSocketPath?: string;
  /** Where the node's processes are shown, `/proc` by default; a container's own /proc has only those in it. */
  readonly processFolder?: string;
  /** Where the container runtime listens; without it, it is not asked. */
  readonly criSocket?: string | null;
  /** Where programs are looked for, once. */
  readonly programFolders?: readonly string[];
}

/** This machine, or one of its network namespaces. */
export function localHost(options: LocalHostOptions = {}): Host {
  const { netns, criSocket = null } = options;
  const placeOf = (path: string) => (isOfProcesses(path) ? (options.processFolder ?? '/proc') + path.slice(5) : path);
  const paths = new Map<string, string>();
  let childPeak = 0;
  const onPeak = (bytes: number) => {
    childPeak = Math.max(childPeak, bytes);
  };
  for (const name of hostPrograms) {
    const path = findProgram(name, options.programFolders ?? systemFolders);
    if (path !== null) paths.set(name, path);
  }
  const run: Host['run'] = (command, onOutput) => {
    const path = paths.get(command.program);
    if (path === undefined) return Promise.resolve(notInstalled(command.program));
    const words = [path, ...command.args];
    const ip = paths.get('ip');
    if (netns !== undefined && ip === undefined) return Promise.resolve(notInstalled('ip'));
    if (netns !== undefined && ip !== undefined) words.unshift(ip, 'netns', 'exec', netns);
    const setpriv = paths.get('setpriv');
    if (isEndless(command) && setpriv !== undefined) words.unshift(setpriv, '--pdeathsig', 'KILL', '--');
    return runProgram(words, command, { onOutput, onPeak }).then(explained);
  };
  return {
    run,
    read: (path, maxBytes) =>
      netns !== undefined && isOfNetwork(path)
        ? readByCat(run, path, maxBytes)
        : readQuickly(placeOf(path), maxBytes).then(explained),
    get:
      options.get ?? (netns === undefined ? getterWith(options.ciliumSocketPath ?? ciliumSocketPath) : notAsked(netns)),
    childPeakBytes: () => childPeak,
    ...(criSocket === null ? {} : { sandboxes: runtimeAt(criSocket) }),
    // Files do not follow a network namespace: what lies here is another node's.
    ...(netns === undefined
      ? {
          list: (path, maxNames) => listFolder(placeOf(path), maxNames).then(explained),
          executables: (path, maxNames) => listExecutables(path, maxNames).then(explained),
          identify: identifyFile,
          askBird: askKnownBird,
          readOfProcesses: (paths, maxBytes) => readProcessFiles(paths, maxBytes, placeOf),
        }
      : {}),
  };
}

function runtimeAt(path: string): NonNullable<Host['sandboxes']> {
  let opened: ReturnType<typeof import('./host-cri.ts')['runtimeAt']> | null = null;
  return async (choose) => {
    // Most hosts never ask one, and gRPC takes as long to load as all the rest.
    opened ??= (await import('./host-cri.ts')).runtimeAt(path);
    return opened(choose);
  };
}

/** No other socket is ever opened. */
function askKnownBird(path: string): Promise<BirdAnswer> {
  if (birdSockets.some((known) => known.path === path)) return askBird(path);
  return Promise.resolve({ ok: false, kind: 'failed', message: `${path} is no socket of BIRD that is known` });
}

/** Files that show the network namespace of whoever reads them. */
function isOfNetwork(path: string): boolean {
  return path.startsWith('/proc/net/') || path.startsWith('/proc/sys/net/');
}

/** A setting of the kernel lies on no disk, and a node with many links has many. */
async function readQuickly(path: string, maxBytes: number): Promise<ReadResult> {
  const [result] = path.startsWith('/proc/sys/') ? await readKernelFiles([path], maxBytes) : [];
  return result ?? readFile(path, maxBytes);
}

/** Files that show processes by their numbers, which are those of whatever /proc shows them. */
function isOfProcesses(path: string): boolean {
  return path === '/proc' || path === '/proc/locks' || /^\/proc\/\d/.test(path);
}

async function readProcessFiles(paths: readonly string[], maxBytes: number, placeOf: (path: string) => string) {
  const stranger = paths.find((path) => !/^\/proc\/\d{1,10}\/[\w/]+$/.test(path));
  if (stranger !== undefined) throw new Error(`${stranger} is no file of a process`);
  return (await readKernelFiles(paths.map(placeOf), maxBytes)).map(explained);
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

/** Says with a refusal what this process lacks: whoever reads it sees neither the process nor its container. */
function explained<T extends RunResult | ReadResult | ListResult>(result: T): T {
  if (result.ok || result.kind !== 'not-permitted') return result;
  return { ...result, message: notPermitted(result.message, readFileSync('/proc/self/status', 'latin1')) };
}

function notAsked(netns: string): Host['get'] {
  return async (url) => ({ ok: false, kind: 'absent', message: `GET ${url}: not asked from namespace ${netns}` });
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

interface Asked {
  readonly url: URL;
  /** Null = a port on loopback. */
  readonly socketPath: string | null;
}

/** Any other host is refused: nothing that is read or received may make the agent talk to the network. */
function getterWith(socketOfCilium: string): Host['get'] {
  return (text, deadlineMs) => {
    const url = URL.parse(text);
    const isLoopback = url?.hostname === '127.0.0.1' || url?.hostname === '[::1]';
    if (url?.protocol !== 'http:' || (!isLoopback && url.hostname !== ciliumSocket)) {
      return Promise.resolve({ ok: false, kind: 'refused', message: `GET ${text}: only loopback addresses are asked` });
    }
    return ask({ url, socketPath: isLoopback ? null : socketOfCilium }, deadlineMs);
  };
}

function ask({ url, socketPath }: Asked, deadlineMs: number): Promise<GetResult> {
  const limit = socketPath === null ? bodyLimit : socketBodyLimit;
  return new Promise((resolve) => {
    const asked = request(url, { agent: false, ...(socketPath === null ? {} : { socketPath }) });
    const settle = (result: GetResult) => {
      clearTimeout(timer);
      resolve(result);
      asked.destroy();
    };
    const fail = (kind: Extract<GetResult, { readonly ok: false }>['kind'], what: string) =>
      settle({ ok: false, kind, message: `GET ${url.href}: ${what}` });
    const timer = setTimeout(() => fail('deadline', `no answer within ${deadlineMs} ms`), deadlineMs);
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') fail('refused', 'connection refused');
      else if (error.code === 'ENOENT' && socketPath !== null) fail('absent', `${socketPath} is not there`);
      else fail('failed', error.message);
    });
    asked.on('response', (response) => {
      const pieces: Buffer[] = [];
      let total = 0;
      response.on('data', (piece: Buffer) => {
        total += piece.length;
        if (total > limit) fail('too-long', `more than ${limit} bytes`);
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
