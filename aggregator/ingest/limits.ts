/** What one node may take, so that a mad or hostile agent harms nobody but its own node. */

import { TokenBucket } from '../doors/token-bucket.ts';

/** All that is limited; what is left out has its default. */
export interface IngestLimits {
  /** Bytes that a node may send over time, and at once. */
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  /** The same for what the node was asked for. */
  readonly grantedBytesPerSecond: number;
  readonly grantedBurstBytes: number;
  readonly streamsPerMinute: number;
  readonly quarantineMs: number;
  /** Bytes of uploads under way, of all nodes. */
  readonly uploadMemoryBytes: number;
  readonly oneUploadBytes: number;
  /** Nodes that may upload what they were asked for, at once. */
  readonly uploadSlots: number;
  readonly connections: number;
  /** Connections of one source address that have not shown whose they are. */
  readonly strangersPerSource: number;
  /** Commands that wait to be read by one agent. */
  readonly waitingCommands: number;
  /** A connection that is silent for so long is asked whether it lives, and dropped when it does not answer in time. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** A connection of this age takes no further streams, and is dropped after the grace time. */
  readonly connectionAgeMs: number;
  readonly connectionAgeGraceMs: number;
}

export const defaultLimits: IngestLimits = {
  bytesPerSecond: 64 * 1024,
  burstBytes: 4 * 1024 * 1024,
  grantedBytesPerSecond: 512 * 1024,
  grantedBurstBytes: 32 * 1024 * 1024,
  streamsPerMinute: 5,
  quarantineMs: 5 * 60_000,
  uploadMemoryBytes: 64 * 1024 * 1024,
  oneUploadBytes: 4 * 1024 * 1024,
  uploadSlots: 16,
  connections: 8000,
  strangersPerSource: 4,
  waitingCommands: 64,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  connectionAgeMs: 40 * 60_000,
  connectionAgeGraceMs: 60_000,
};

/** Beside its bytes each message costs its handling: many tiny ones must not be free. */
const messageCostBytes = 64;

/** The account of one node, over all its streams. */
export class NodeLimits {
  readonly #limits: IngestLimits;
  readonly #bytes: TokenBucket;
  readonly #granted: TokenBucket;
  #streams: readonly number[] = [];
  #quarantinedUntil = Number.NEGATIVE_INFINITY;

  constructor(limits: IngestLimits) {
    this.#limits = limits;
    this.#bytes = new TokenBucket(limits.burstBytes, limits.bytesPerSecond);
    this.#granted = new TokenBucket(limits.grantedBurstBytes, limits.grantedBytesPerSecond);
  }

  /**
   * Counts a stream that begins.
   * @returns `admitted`; `throttled` when this one was too many; `quarantined` while that lasts.
   */
  admitStream(monotonic: number): 'admitted' | 'throttled' | 'quarantined' {
    if (monotonic < this.#quarantinedUntil) return 'quarantined';
    this.#streams = [...this.#streams.filter((at) => monotonic - at < 60_000), monotonic];
    if (this.#streams.length <= this.#limits.streamsPerMinute) return 'admitted';
    this.#quarantine(monotonic);
    return 'throttled';
  }

  /**
   * Takes the bytes of one message. False: the node sent too much, and is in quarantine from now on.
   * @param granted the aggregator asked for content, and this is likely some of it.
   */
  admitBytes(bytes: number, granted: boolean, monotonic: number): boolean {
    const cost = bytes + messageCostBytes;
    if (granted && this.#granted.take(cost, monotonic)) return true;
    if (this.#bytes.take(cost, monotonic)) return true;
    this.#quarantine(monotonic);
    return false;
  }

  /** Milliseconds until it may dial again; 0 when it may. */
  waitMs(monotonic: number): number {
    return Math.max(0, this.#quarantinedUntil - monotonic);
  }

  #quarantine(monotonic: number): void {
    this.#quarantinedUntil = monotonic + this.#limits.quarantineMs;
    this.#streams = [];
  }
}

/** Bytes that several may hold together. */
export class SharedBytes {
  readonly #most: number;
  #held = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get held(): number {
    return this.#held;
  }

  /** Exchanges what one holds for another amount; false, and nothing changes, when that is too much in all. */
  exchange(before: number, after: number): boolean {
    if (after > before && this.#held - before + after > this.#most) return false;
    this.#held += after - before;
    return true;
  }
}
