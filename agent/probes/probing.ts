/**
 * The life of probes on one node: answers at the node's addresses as they come and go, probes what the aggregator names
 * as far as the node's own rules allow, and tells of both.
 */
import type { Address, Prefix } from '../../proto/address.ts';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { AddressesReport, Part, ProbesReport } from '../../proto/parts.ts';
import { contains, type PrefixSet, prefixSet } from '../../proto/prefixes.ts';
import type { Clock } from '../clock.ts';
import { ownAddresses } from '../collectors/addresses.ts';
import type { Log } from '../log.ts';
import type { ReadingSource } from '../reading.ts';
import { checkedTarget, forbiddenAs, type ProbeTarget } from '../stream/targets.ts';
import { ProbeListener } from './listener.ts';
import { Prober } from './prober.ts';
import { type SendProbe, sendProbe } from './send-probe.ts';

export interface ProbeSetting {
  /** UDP, of all agents. */
  readonly port: number;
  /** Where pods and nodes are: nothing is sent elsewhere, and nobody else is answered. */
  readonly ranges: readonly Prefix[];
  /** Where Services are that others may have it connect to. */
  readonly serviceRanges: readonly Prefix[];
}

export interface ProbingOptions {
  readonly setting: ProbeSetting;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly random?: () => number;
  /** Real packets unless a test says otherwise. */
  readonly send?: SendProbe;
}

const mostTargets = 64;
const mostSockets = 32;
const mostReasons = 10;
const longestReason = 256;
/** What is named again and again is held against the rules no more than once in so long. */
const settleMs = 500;
const lookEveryMs = 60_000;
/** The aggregator names targets every five minutes: who is silent for so long may be gone. */
const forgetAfterMs = 15 * 60_000;
/** Addresses there are of other systems, or of Services: no peer is sent to them. */
const foreignLink = /^(docker\d|br-[0-9a-f]{12}$|virbr\d|podman\d|lxcbr\d|lxdbr\d|kube-ipvs0$|nodelocaldns$)/;

interface Checked {
  readonly accepted: readonly ProbeTarget[];
  readonly refused: number;
  readonly reasons: readonly string[];
}

const nothingAsked: Checked = { accepted: [], refused: 0, reasons: [] };

export class Probing {
  readonly #options: ProbingOptions;
  readonly #ranges: PrefixSet;
  readonly #serviceRanges: PrefixSet;
  readonly #listener: ProbeListener;
  readonly #prober: Prober;
  readonly #stopping = new AbortController();
  #addresses: AddressesReport | null = null;
  #asked: readonly wire.Target[] = [];
  #askedAtMs = 0;
  #checked = nothingAsked;
  #isSettling = false;
  #toldDropped = 0;

  constructor(options: ProbingOptions) {
    const { setting, clock, log, random = Math.random, send = sendProbe } = options;
    this.#options = options;
    this.#ranges = prefixSet(setting.ranges);
    this.#serviceRanges = prefixSet(setting.serviceRanges);
    this.#listener = new ProbeListener({ port: setting.port, ranges: this.#ranges, clock, log });
    this.#prober = new Prober({ clock, random, send });
  }

  /** Probes and answers until `stop`. @param source tells the node's addresses. */
  async run(source: Pick<ReadingSource, 'subscribe'>): Promise<void> {
    const { signal } = this.#stopping;
    const unsubscribe = source.subscribe(({ parts: { addresses } }) => {
      // What could not be read is taken to be as it was.
      if (addresses.state === 'ok') this.#standAt(addresses.value);
    });
    await Promise.all([this.#prober.run(signal), this.#lookAfter(signal)]);
    unsubscribe();
    this.#listener.close();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Takes what the aggregator names, in place of what it named before. */
  aim(targets: readonly wire.Target[]): void {
    this.#asked = targets;
    this.#askedAtMs = this.#options.clock.monotonicMs();
    this.#settleSoon();
  }

  part(): Part<ProbesReport> {
    const { refused, reasons } = this.#checked;
    const value: ProbesReport = {
      listening: this.#listener.listening,
      port: this.#options.setting.port,
      results: this.#prober.results(),
      heard: this.#listener.heard(),
      refusedTargets: refused,
      refusals: reasons,
    };
    return { state: 'ok', value, collectedAt: this.#options.clock.now().toISOString() };
  }

  #standAt(addresses: AddressesReport): void {
    const isNew = JSON.stringify(addresses.addresses) !== JSON.stringify(this.#addresses?.addresses);
    this.#addresses = addresses;
    this.#listener.listenAt(answeringAddresses(addresses, this.#ranges));
    if (isNew) this.#settleSoon();
  }

  #settleSoon(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    void this.#options.clock.sleep(settleMs, this.#stopping.signal).then(() => {
      this.#isSettling = false;
      this.#settle();
    });
  }

  #settle(): void {
    const { port } = this.#options.setting;
    const own = this.#addresses;
    // Without its own addresses the agent cannot tell that a target is not itself.
    if (own === null) return;
    const rules = { ranges: this.#ranges, serviceRanges: this.#serviceRanges, ownAddresses: ownAddresses(own), port };
    const checked = this.#asked.map((target) => checkedTarget(target, rules));
    const allowed = checked.flatMap((one) => (one.ok ? [one.target] : []));
    const tooMany = allowed.length > mostTargets ? [`more than ${mostTargets} targets at a time`] : [];
    const reasons = [...checked.flatMap((one) => (one.ok ? [] : [one.reason])), ...tooMany];
    const accepted = allowed.slice(0, mostTargets);
    this.#checked = {
      accepted,
      refused: this.#asked.length - accepted.length,
      reasons: [...new Set(reasons)].slice(0, mostReasons).map((reason) => reason.slice(0, longestReason)),
    };
    this.#prober.aim(accepted);
  }

  async #lookAfter(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal);
      if (this.#asked.length > 0 && clock.monotonicMs() - this.#askedAtMs >= forgetAfterMs) this.aim([]);
      this.#tellDropped();
    }
  }

  /** What is sent here and is no probe, or one too many. */
  #tellDropped(): void {
    const { strangers, misshapen, tooMany } = this.#listener.counts;
    const dropped = strangers + misshapen + tooMany;
    if (dropped === this.#toldDropped) return;
    this.#toldDropped = dropped;
    const { log, setting } = this.#options;
    log.warn({ port: setting.port, strangers, misshapen, tooMany }, 'packets at the port of probes were not answered');
  }
}

/** The node's addresses at which peers may ask: those in the ranges, of links that are the node's or its pods'. */
function answeringAddresses({ addresses }: AddressesReport, ranges: PrefixSet): readonly Address[] {
  const fit = addresses.filter(
    ({ link, address }) => !foreignLink.test(link) && forbiddenAs(address) === null && contains(ranges, address),
  );
  return [...new Set(fit.map(({ address }) => address))].slice(0, mostSockets);
}
