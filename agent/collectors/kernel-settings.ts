/** Settings and locks of the kernel that decide how service packets fare. */
import type { KernelReport, Part } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { Host } from '../host.ts';
import { XtablesLockReader } from './xtables-lock.ts';

const liberalFile = '/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal';

/** Reads them again and again, and remembers how long a lock was held. */
export class KernelReader {
  readonly #host: Host;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #lock: XtablesLockReader;

  constructor(host: Host, clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#host = host;
    this.#clock = clock;
    this.#lock = new XtablesLockReader(host, () => clock.monotonicMs());
  }

  /** Reads once; `absent` where there is nothing of it to read (a recording without settings). */
  async read(): Promise<Part<KernelReport>> {
    const conntrackTcpBeLiberal = await this.#flag(liberalFile);
    const xtablesLock = await this.#lock.read();
    if (conntrackTcpBeLiberal === null && xtablesLock === null) return { state: 'absent' };
    const value = { conntrackTcpBeLiberal, xtablesLock };
    return { state: 'ok', value, collectedAt: this.#clock.now().toISOString() };
  }

  /** Null where the file cannot be read or holds no number. */
  async #flag(path: string): Promise<boolean | null> {
    const file = await this.#host.read(path, 64);
    const text = file.ok ? file.bytes.toString('latin1').trim() : '';
    return /^\d{1,3}$/.test(text) ? text !== '0' : null;
  }
}
