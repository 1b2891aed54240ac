/**
 * Every change of nf_tables, iptables-nft included, told by the kernel itself: `xtables-monitor --event`, see
 * xtables-monitor(8). It prints one line for each generation, whoever made it; for IPv6 the rules as well, which nobody
 * reads here. The reader of rules makes no generation, so it does not hear itself.
 *
 *     NEWGEN: GENID=6 PID=5267 NAME=iptables-nft-re
 *
 * Of the two programs that can tell, `nft monitor` holds all rules in memory: 33 MB with 12,500 of them, 300 MB with
 * 150,000. xtables-monitor holds none (2 MB, no CPU that could be measured), at a price: its socket overflows when some
 * two to four hundred rules change at once, and then it ends. That it ended is a sign of change too, and it is started anew.
 */
import type { Clock } from '../clock.ts';
import type { Command, Host, RunResult } from '../host.ts';
import type { Log } from '../log.ts';
import type { Observation } from '../observe.ts';
import type { ChangeHint } from './change-hint.ts';

/** Its lines would stay in its buffer until there are many, if stdbuf did not tell it to hand on each. */
const command: Omit<Command, 'signal'> = {
  program: 'stdbuf',
  args: ['-oL', 'xtables-monitor', '--event', '-6'],
  deadlineMs: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};
/** A monitor that lived so long has done its work, and is started again at once. */
const fullLifeMs = 5000;
const firstPauseMs = 1000;
/** Overflows come as often as large changes do; other failures are seldom over soon. */
const maxPauseMs = { overflow: 5000, failure: 60_000 };

export interface NftGenerationOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
}

/** Listens only where the last reading found tables of nf_tables: to listen would load its module where it is not. */
export class NftGenerationHint implements ChangeHint {
  readonly name = 'nft-generation';
  readonly #options: NftGenerationOptions;
  #onChange: () => void = () => undefined;
  #running: { readonly stopping: AbortController; readonly ended: Promise<void> } | null = null;
  #isAbsent = false;
  #isStopped = false;
  #isListening = false;

  constructor(options: NftGenerationOptions) {
    this.#options = options;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  start(onChange: () => void): void {
    this.#onChange = onChange;
  }

  heed({ parts: { iptables, proxyTraces } }: Pick<Observation, 'parts'>): void {
    // A reading that failed says nothing of what is there.
    if (iptables.state === 'failed') return;
    const hasRules = iptables.state === 'ok' && iptables.value.structures.some(({ backend }) => backend === 'nft');
    const isWanted = hasRules || (proxyTraces.state === 'ok' && proxyTraces.value.nftables);
    if (!isWanted) {
      this.#running?.stopping.abort();
      return;
    }
    if (this.#running !== null || this.#isAbsent || this.#isStopped) return;
    const stopping = new AbortController();
    const ended = this.#listen(stopping.signal).finally(() => {
      this.#running = null;
    });
    this.#running = { stopping, ended };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#running?.stopping.abort();
    await this.#running?.ended;
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { host, clock, log } = this.#options;
    for (let pauseMs = 0; !signal.aborted; ) {
      const startMs = clock.monotonicMs();
      this.#isListening = true;
      const result = await host.run({ ...command, signal }, () => this.#onChange());
      this.#isListening = false;
      if (signal.aborted) return;
      const reason = result.ok ? 'it ended by itself' : result.message;
      if (isMissing(result)) {
        this.#isAbsent = true;
        log.info({ reason }, 'changes of nf_tables are not told between readings');
        return;
      }
      const isOverflow = !result.ok && result.message.includes('No buffer space');
      const livedMs = clock.monotonicMs() - startMs;
      const longest = isOverflow ? maxPauseMs.overflow : maxPauseMs.failure;
      pauseMs = livedMs >= fullLifeMs ? 0 : Math.min(longest, Math.max(firstPauseMs, pauseMs * 2));
      if (!isOverflow) {
        log.warn({ reason, pauseSeconds: pauseMs / 1000 }, 'xtables-monitor ended, and is started again');
      }
      this.#onChange();
      if (pauseMs === 0) continue;
      await clock.sleep(pauseMs, signal);
      // What changed in the meantime was not heard.
      if (!signal.aborted) this.#onChange();
    }
  }
}

/** Neither program is always there; stdbuf says of the other that there is no such file. */
function isMissing(result: RunResult): boolean {
  return !result.ok && (result.kind === 'absent' || result.message.includes('No such file'));
}
