/**
 * The one door to the node: with host-files.ts and host-programs.ts the ONLY file that runs programs, reads host files
 * or asks a loopback port. Few methods, so that a folder of recordings can stand for a node (see recorded-host.ts).
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type ListResult, listFolder, type ReadResult, readFile } from './host-files.ts';
import { type Command, isEndless, notInstalled, type RunResult, runProgram, systemFolders } from './host-programs.ts';
import { notPermitted } from './privileges.ts';

export type { Command, ListResult, ReadResult, RunResult };

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
  /** GET on a loopback address, any other is refused. */
  get(url: string, deadlineMs: number): Promise<GetResult>;
  /** Lists a folder by name, at most so many names. A host without this method has no folders to show. */
  list?(path: string, maxNames: number): Promise<ListResult>;
  /** The most memory that any program which was run has held so far; a host that runs none has no such thing. */
  childPeakBytes?(): number;
}

/**
 * Every program that may ever run. `cat` reads files of another network namespace; `stdbuf` runs xtables-monitor, which
 * would keep its lines to itself until it has many; `setpriv` has a program without a deadline killed when the agent was.
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
  'setpriv',
] as const;
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
      netns !== undefined && path.startsWith('/proc/net/')
        ? readByCat(run, path, maxBytes)
        : readFile(path, maxBytes).then(explained),
    get: options.get ?? (netns === undefined ? getLoopback : notAsked(netns)),
    childPeakBytes: () => childPeak,
    // Files do not follow a network namespace: what lies here is another node's.
    ...(netns === undefined ? { list: (path, maxNames) => listFolder(path, maxNames).then(explained) } : {}),
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
