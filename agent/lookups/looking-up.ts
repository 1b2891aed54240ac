/** The life of lookups on one node: a round each minute, one question after the other, and what came of the newest. */
import type { DnsReport } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { ReadingSource } from '../reading.ts';
import { type Ask, ask } from './ask.ts';
import { LookupWindow } from './lookup-window.ts';
import {
  type LookupSetting,
  lookupNames,
  type PlannedLookup,
  plannedLookups,
  serverKey,
  serversOfNode,
  type ResolvingNode,
} from './planned-lookups.ts';

export interface LookingUpOptions {
  readonly setting: LookupSetting;
  readonly clock: Clock;
  readonly random?: () => number;
  /** Real questions unless a test says otherwise. */
  readonly ask?: Ask;
}

/** What lookups add to the part `dns`. */
export type LookupsToldOf = Pick<DnsReport, 'names' | 'lookups' | 'lookupsOffBecause'>;

export const lookupsOff: LookupsToldOf = { names: null, lookups: [], lookupsOffBecause: 'they are turned off' };

const everyMs = 60_000;
const jitter = 0.1;
/** Five a second. */
const betweenMs = 200;
/** What is not asked for any more is told for so long: of many backends others are asked each time. */
const keptMs = 10 * 60_000;
const mostKept = 128;
const beginnings = 4096;

interface Kept {
  readonly window: LookupWindow;
  askedAtMs: number;
}

export class LookingUp {
  readonly #options: LookingUpOptions;
  readonly #stopping = new AbortController();
  readonly #windows = new Map<string, Kept>();
  #node: Omit<ResolvingNode, 'round'> | null = null;
  #round: number;

  constructor(options: LookingUpOptions) {
    this.#options = options;
    // Agents that were started together begin with different replicas.
    this.#round = Math.floor((options.random ?? Math.random)() * beginnings);
  }

  /** Asks until `stop`. @param source tells the node's settings and rules. */
  async run(source: Pick<ReadingSource, 'subscribe'>): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    const { signal } = this.#stopping;
    const heard = Promise.withResolvers<void>();
    const unsubscribe = source.subscribe(({ parts: { dns, forwarding } }) => {
      if (dns.state !== 'ok') return;
      this.#node = { dns: dns.value, table: forwarding.state === 'ok' ? forwarding.value.table : null };
      this.#forgetOthers();
      heard.resolve();
    });
    signal.addEventListener('abort', () => heard.resolve(), { once: true });
    await heard.promise;
    while (!signal.aborted) {
      await this.#askAll(signal);
      await clock.sleep(everyMs * (1 + jitter * (2 * random() - 1)), signal);
    }
    unsubscribe();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** What is told now; always in the same order. */
  told(): LookupsToldOf {
    const names = this.#node === null ? null : lookupNames(this.#node.dns, this.#options.setting);
    const sorted = [...this.#windows].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return { names, lookups: sorted.map(([, { window }]) => window.result()), lookupsOffBecause: null };
  }

  async #askAll(signal: AbortSignal): Promise<void> {
    const { clock, setting } = this.#options;
    const planned = this.#node === null ? [] : plannedLookups({ ...this.#node, round: this.#round++ }, setting);
    const asked = planned.map(async (lookup, at) => {
      await clock.sleep(at * betweenMs, signal);
      if (!signal.aborted) await this.#askOne(lookup);
    });
    await Promise.all(asked);
    this.#forget();
  }

  async #askOne(lookup: PlannedLookup): Promise<void> {
    const { clock, ask: put = ask } = this.#options;
    const key = JSON.stringify(lookup);
    const kept = this.#windows.get(key) ?? { window: new LookupWindow(lookup), askedAtMs: 0 };
    this.#windows.set(key, kept);
    kept.askedAtMs = clock.monotonicMs();
    kept.window.add(await put(lookup, clock));
  }

  /**
   * A replica that has left the node's rules is nobody's any more. Where the rules were not read, or what the kubelet gives,
   * it may be there still.
   */
  #forgetOthers(): void {
    if (this.#node?.table == null || this.#node.dns.kubelet === null) return;
    const servers = serversOfNode({ ...this.#node, round: 0 }, this.#options.setting);
    for (const [key, { window }] of this.#windows) {
      if (!servers.has(serverKey(window.lookup))) this.#windows.delete(key);
    }
  }

  /** The oldest go first. */
  #forget(): void {
    const now = this.#options.clock.monotonicMs();
    const byAge = [...this.#windows].toSorted(([, one], [, other]) => other.askedAtMs - one.askedAtMs);
    for (const [at, [key, { askedAtMs }]] of byAge.entries()) {
      if (at >= mostKept || now - askedAtMs > keptMs) this.#windows.delete(key);
    }
  }
}
