/** One node's probes as a process in its namespace, see probe-peer.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ProbesReport } from '../../proto/parts.ts';
import type { PeerAnswer, PeerCommand } from './probe-peer.ts';

/** Forty seconds pass in one: each probe is sent twice a second. */
export const hasty = 40;

export interface PeerPlan {
  /** What may be probed and answered, as `--probe-ranges` has it. */
  readonly ranges: string;
  /** How many seconds pass in one. */
  readonly haste?: number;
}

export class ProbingPeer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(namespace: string, { ranges, haste = hasty }: PeerPlan) {
    const program = join(import.meta.dirname, 'probe-peer.ts');
    const command = ['netns', 'exec', namespace, process.execPath, program, String(haste), ranges];
    this.#child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('a piped child has a stdout');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async do(command: PeerCommand): Promise<PeerAnswer> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const { value } = await this.#lines.next();
    // The only writer is probe-peer.ts, which types what it sends.
    return JSON.parse(value ?? 'null') as PeerAnswer;
  }

  async report(): Promise<ProbesReport> {
    return (await this.do({ do: 'report' })).report;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exited;
  }
}
