/**
 * The kernel's connection tracking: how full its table is, what it counts, and the flows of UDP to addresses that the
 * node serves. The first two are a few small files and read each time. For the flows the whole table is gone through,
 * some three microseconds of CPU an entry: once in a minute, and less often where it is large.
 */
import type { Address } from '../../proto/address.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import type { ConntrackReport, Counter, Part } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { Host, ReadResult } from '../host.ts';
import { readUdpFlows } from './conntrack-flows.ts';
import { readConntrackStat } from './conntrack-stat.ts';
import { RisingCounters } from './rising-counters.ts';
import { OddFlows, UdpDestinations } from './udp-destinations.ts';

const settings = '/proc/sys/net/netfilter';
const countFile = `${settings}/nf_conntrack_count`;
const maxFile = `${settings}/nf_conntrack_max`;
const statFile = '/proc/net/stat/nf_conntrack';
const smallBytes = 64 * 1024;

const mostTold = 2000;
/** Reading flows takes at most this part of one core, within the limits of the times. */
const share = 0.005;
const leastSeconds = 60;
/** The check for stale flows holds longer than this, so that it has seen two readings of them. */
const mostSeconds = 240;

export interface ConntrackInput {
  /** What the node forwards; null where that could not be read. */
  readonly table: ForwardingTable | null;
  /** The node's own addresses. */
  readonly localAddresses: readonly Address[];
}

type Flows = Pick<ConntrackReport, 'udp' | 'udpUnreadBecause'>;

/** Reads one node's connection tracking again and again, and remembers its counts and destinations. */
export class ConntrackReader {
  readonly #host: Host;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #counters = new RisingCounters();
  readonly #destinations = new UdpDestinations();
  readonly #odd = new OddFlows();
  #last: { readonly dueAtMs: number; readonly flows: Flows } | null = null;

  constructor(host: Host, clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Reads once; `absent` where the kernel tracks no connections. */
  async read(input: ConntrackInput): Promise<Part<ConntrackReport>> {
    const files = await Promise.all([countFile, maxFile].map((path) => this.#host.read(path, smallBytes)));
    const failure = files.find((file) => !file.ok);
    if (failure !== undefined && !failure.ok) {
      return failure.kind === 'absent' ? { state: 'absent' } : { state: 'failed', reason: failure.message };
    }
    const [count = null, max = null] = files.map(wholeNumber);
    if (count === null) return { state: 'failed', reason: `${countFile} holds no number` };
    if (max === null) return { state: 'failed', reason: `${maxFile} holds no number` };
    const counts = await this.#counts();
    const flows = await this.#flows(input, count);
    return { state: 'ok', value: { count, max, ...counts, ...flows }, collectedAt: this.#clock.now().toISOString() };
  }

  async #counts(): Promise<Pick<ConntrackReport, 'drop' | 'earlyDrop' | 'insertFailed'>> {
    const file = await this.#host.read(statFile, 4 * 1024 * 1024);
    const totals = file.ok ? readConntrackStat(file.bytes.toString('latin1')) : null;
    if (totals === null) return { drop: null, earlyDrop: null, insertFailed: null };
    const counters = this.#counters.advance(totals, this.#clock.monotonicMs());
    const counter = (name: string): Counter | null => counters.get(name) ?? null;
    return { drop: counter('drop'), earlyDrop: counter('early_drop'), insertFailed: counter('insert_failed') };
  }

  /** In between stands what was read last, a failure too. */
  async #flows(input: ConntrackInput, count: number): Promise<Flows> {
    const startMs = this.#clock.monotonicMs();
    if (this.#last !== null && startMs < this.#last.dueAtMs) return this.#last.flows;
    this.#destinations.advance(input.table, startMs);
    const flows = await this.#freshFlows(input, count);
    const seconds = (this.#clock.monotonicMs() - startMs) / 1000 / share;
    this.#last = { dueAtMs: startMs + 1000 * Math.min(mostSeconds, Math.max(leastSeconds, seconds)), flows };
    return flows;
  }

  async #freshFlows({ table, localAddresses }: ConntrackInput, count: number): Promise<Flows> {
    const filter = this.#destinations.filter(localAddresses);
    if (table === null && filter.ports.size === 0) return unread('what the node forwards could not be read');
    const read = await readUdpFlows(this.#host, filter, count);
    if (!read.ok) return unread(read.message);
    const first = this.#odd.oddFirst(read.flows, table).slice(0, mostTold);
    return { udp: { total: read.flows.length, first }, udpUnreadBecause: null };
  }
}

function unread(reason: string): Flows {
  return { udp: null, udpUnreadBecause: reason };
}

function wholeNumber(file: ReadResult): number | null {
  const text = file.ok ? file.bytes.toString('latin1').trim() : '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
