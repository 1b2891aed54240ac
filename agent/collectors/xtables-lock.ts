/**
 * Who holds the lock of the xtables tools. iptables-legacy and its kin take /run/xtables.lock with flock(2) before they
 * touch a table, and kube-proxy waits for them. /proc/locks names the process of every lock on the machine that this
 * process may see; nothing is locked to find out.
 *
 *     3: FLOCK  ADVISORY  WRITE 4242 00:19:1345 0 EOF
 *     3: -> FLOCK  ADVISORY  WRITE 4250 00:19:1345 0 EOF          waits for it
 *     4: POSIX  ADVISORY  WRITE 811 fe:01:262221 0 EOF
 */
import type { LockHolder } from '../../proto/parts.ts';
import type { FileIdentity, Host } from '../host.ts';

const lockFile = '/run/xtables.lock';
const locksFile = '/proc/locks';
const smallBytes = 64 * 1024;

const lockLine = /^\d+: (-> )?FLOCK +\S+ +\S+ +(\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /;

/** The holder of one lock and how many wait for it. */
interface Locked {
  readonly pid: number;
  readonly waiting: number;
}

/** @returns null when nobody holds it. */
export function findLock(locks: string, { device, inode }: FileIdentity): Locked | null {
  let pid: number | null = null;
  let waiting = 0;
  for (const line of locks.split('\n')) {
    const found = lockLine.exec(line);
    if (found === null || found[3] !== device || found[4] !== inode) continue;
    if (found[1] === undefined) pid ??= Number(found[2]);
    else waiting++;
  }
  return pid === null ? null : { pid, waiting };
}

/** Looks again and again, and remembers since when it has seen the same holder. */
export class XtablesLockReader {
  readonly #host: Host;
  readonly #monotonicMs: () => number;
  readonly #path: string;
  #seen: { readonly pid: number; readonly sinceMs: number } | null = null;

  /** @param path of the lock's file; tests have one of their own. */
  constructor(host: Host, monotonicMs: () => number, path = lockFile) {
    this.#host = host;
    this.#monotonicMs = monotonicMs;
    this.#path = path;
  }

  /** Null = nobody holds it, or it cannot be told: other process and mount namespaces are out of sight. */
  async read(): Promise<LockHolder | null> {
    const locked = await this.#locked();
    const atMs = this.#monotonicMs();
    if (locked?.pid !== this.#seen?.pid) this.#seen = locked === null ? null : { pid: locked.pid, sinceMs: atMs };
    if (locked === null || this.#seen === null) return null;
    const process = await this.#processOf(locked.pid);
    if (process === null) return null;
    const heldSeconds = Math.round((atMs - this.#seen.sinceMs) / 1000);
    return { pid: locked.pid, ...process, heldSeconds, waiting: locked.waiting };
  }

  async #locked(): Promise<Locked | null> {
    const file = (await this.#host.identify?.(this.#path)) ?? null;
    const locks = file === null ? null : await this.#host.read(locksFile, 4 * 1024 * 1024);
    return file === null || locks?.ok !== true ? null : findLock(locks.bytes.toString('latin1'), file);
  }

  /** Null where it has ended by now. */
  async #processOf(pid: number): Promise<Pick<LockHolder, 'program' | 'parent'> | null> {
    const program = await this.#programOf(pid);
    if (program === null) return null;
    const status = await this.#host.read(`/proc/${pid}/status`, smallBytes);
    const parent = status.ok ? /^PPid:\t(\d+)$/m.exec(status.bytes.toString('latin1'))?.[1] : undefined;
    return { program, parent: parent === undefined ? null : await this.#programOf(Number(parent)) };
  }

  async #programOf(pid: number): Promise<string | null> {
    const name = await this.#host.read(`/proc/${pid}/comm`, smallBytes);
    const text = name.ok ? name.bytes.toString('utf8').trim() : '';
    return text === '' ? null : text;
  }
}
