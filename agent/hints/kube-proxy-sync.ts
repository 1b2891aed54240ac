/**
 * kube-proxy's own syncs, told by the times in its /metrics, which cost little to fetch and nothing to read:
 *
 *     # TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds gauge
 *     kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 1.7953325790962152e+09
 *
 * It is the only hint there is where the rules are those of iptables-legacy. It does not tell of anybody else's changes:
 * those wait for the next regular reading.
 */
import type { Clock } from '../clock.ts';
import type { Host } from '../host.ts';
import type { Observation } from '../observe.ts';
import type { ChangeHint } from './change-hint.ts';

const url = 'http://127.0.0.1:10249/metrics';
const deadlineMs = 3000;
const metric = 'kubeproxy_sync_proxy_rules_last_timestamp_seconds';
/** Asking may cost three thousandths of a core. */
const budget = 0.003;
const minSeconds = 1;
const maxSeconds = 30;
/** The weight of the newest cost. */
const smoothing = 0.3;

export interface KubeProxySyncOptions {
  readonly host: Host;
  readonly clock: Clock;
  /** Seconds of CPU that this process has used itself. */
  readonly ownCpu: () => number;
  /** While the node is read nothing is asked: the reading asks by itself. */
  readonly isReading: () => boolean;
  /** Whether something else tells of changes to nf_tables. */
  readonly hearsNft: () => boolean;
}

export class KubeProxySyncHint implements ChangeHint {
  readonly name = 'kube-proxy-sync';
  readonly #options: KubeProxySyncOptions;
  readonly #stopping = new AbortController();
  #polling: Promise<void> = Promise.resolve();
  #last: string | null = null;
  #isListening = false;
  #cost = 0;
  #hasLegacyRules = true;

  constructor(options: KubeProxySyncOptions) {
    this.#options = options;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  start(onChange: () => void): void {
    this.#polling = this.#poll(onChange);
  }

  heed({ parts: { iptables } }: Pick<Observation, 'parts'>): void {
    if (iptables.state === 'ok') {
      this.#hasLegacyRules = iptables.value.structures.some(({ backend }) => backend === 'legacy');
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#polling;
  }

  async #poll(onChange: () => void): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      await clock.sleep(this.#waitSeconds() * 1000, signal);
      if (signal.aborted) return;
      if (this.#options.isReading()) continue;
      const before = this.#last;
      await this.#ask();
      // The first answer says nothing of a change.
      if (before !== null && this.#last !== null && this.#last !== before) onChange();
    }
  }

  async #ask(): Promise<void> {
    const { host, clock, ownCpu } = this.#options;
    const [cpu, startMs] = [ownCpu(), clock.monotonicMs()];
    const answer = await host.get(url, deadlineMs);
    const syncs = answer.ok && answer.status === 200 ? lastSyncs(answer.body) : null;
    // kube-proxy works for its answer as well, at most as long as we waited.
    const cost = ownCpu() - cpu + (clock.monotonicMs() - startMs) / 1000;
    this.#cost = this.#cost === 0 ? cost : (1 - smoothing) * this.#cost + smoothing * cost;
    this.#isListening = syncs !== null;
    this.#last = syncs ?? this.#last;
  }

  #waitSeconds(): number {
    const { hearsNft } = this.#options;
    // A sync of such rules is a change of nf_tables: told already, and at once.
    if (this.#cost > 0 && (!this.#isListening || (hearsNft() && !this.#hasLegacyRules))) return maxSeconds;
    return Math.min(maxSeconds, Math.max(minSeconds, this.#cost / budget));
  }
}

/** The sample lines of kube-proxy's last syncs, one per family, as they stand there; null without any. */
export function lastSyncs(body: string): string | null {
  let lines = '';
  for (let at = body.indexOf(metric); at >= 0; at = body.indexOf(metric, at + 1)) {
    if (at > 0 && body[at - 1] !== '\n') continue;
    const end = body.indexOf('\n', at);
    lines += end < 0 ? body.slice(at) : body.slice(at, end + 1);
  }
  return lines === '' ? null : lines;
}
