/**
 * How often the node is read. Reading must cost less than a hundredth of one core on average, whatever the node's size,
 * and a change should be read at once all the same:
 *
 *     budget        1 % of a core, with what was not used of it kept for up to a minute: 0.6 s of CPU
 *     regular       a reading whenever 0.8 % have paid for it, but no more often than every 5 s; every 300 s at the least
 *     hinted        a reading at once if the kept budget pays for it, else as soon as it does
 *
 * A small node (40 ms a reading) is read every 5 s, and fifteen times at once when changes come in a burst. A large one
 * (1.5 s a reading, more than is ever kept) is read every three minutes, and on a hint when the budget is whole again,
 * so at most once in two and a half minutes. The fifth that regular readings leave lets the kept budget recover. Only
 * a node where a single reading costs more than three seconds goes beyond the budget, by the longest interval.
 */

export interface PaceLimits {
  readonly minSeconds: number;
  readonly maxSeconds: number;
  /** Cores: 0.01 is one percent of one. */
  readonly budget: number;
}

export const defaultPace: PaceLimits = { minSeconds: 5, maxSeconds: 300, budget: 0.01 };

/** The part of the budget that regular readings use up. */
const regularShare = 0.8;
/** So many seconds of unused budget are kept. */
const keptSeconds = 60;
/** The first reading also compiles the code, so it says little of the next ones; the second forgets it. */
const firstReadingFactor = 3;
/** The weight of the newest cost. */
const smoothing = 0.3;
/** The interval stays until it is off by so much: it is shown, and should not flicker. */
const steadyWithin = 0.2;

/** Decides when the next reading is due. Times are monotonic milliseconds, costs seconds of CPU. */
export class Pace {
  readonly #limits: PaceLimits;
  readonly #capacity: number;
  #interval: number;
  #floorSeconds = 0;
  #kept: number;
  #countedAtMs: number;
  #cost = 0;
  #costs = 0;
  #lastStartMs: number | null = null;

  constructor(limits: PaceLimits, nowMs: number) {
    this.#limits = limits;
    this.#capacity = limits.budget * keptSeconds;
    this.#kept = this.#capacity;
    this.#countedAtMs = nowMs;
    this.#interval = limits.minSeconds;
  }

  /** Seconds from the start of one regular reading to the next. */
  get intervalSeconds(): number {
    return Math.max(this.#interval, this.#floorSeconds);
  }

  /** No reading more often than this, hinted or not; null takes it back. */
  slowDown(intervalSeconds: number | null): void {
    this.#floorSeconds = intervalSeconds ?? 0;
  }

  /** Accounts for a reading. */
  spent(cost: number, startMs: number, endMs: number): void {
    this.#count(endMs);
    // A debt is forgotten after the longest interval: a node may have become smaller.
    this.#kept = Math.max(this.#kept - cost, -this.#limits.budget * this.#limits.maxSeconds);
    this.#lastStartMs = startMs;
    this.#costs++;
    if (this.#costs === 1) this.#cost = cost / firstReadingFactor;
    else if (this.#costs === 2) this.#cost = cost;
    else this.#cost += smoothing * (cost - this.#cost);
    this.#settleInterval(this.#cost);
  }

  /**
   * Milliseconds until the next reading may begin; 0 = now.
   * @param isHinted whether something asks for a reading before its regular time.
   */
  waitMs(nowMs: number, isHinted: boolean): number {
    if (this.#lastStartMs === null) return 0;
    const regularMs = this.#lastStartMs + this.intervalSeconds * 1000 - nowMs;
    if (!isHinted) return Math.max(0, regularMs);
    const floorMs = this.#lastStartMs + this.#floorSeconds * 1000 - nowMs;
    return Math.max(0, Math.min(regularMs, Math.max(floorMs, this.#payableMs(nowMs))));
  }

  /** Milliseconds until the kept budget pays for a reading; one that costs more than can be kept takes all of it. */
  #payableMs(nowMs: number): number {
    this.#count(nowMs);
    const lacking = Math.min(this.#cost, this.#capacity) - this.#kept;
    // Whole milliseconds, upwards: a timer must not ring too early.
    return lacking <= 1e-9 ? 0 : Math.ceil((lacking / this.#limits.budget) * 1000);
  }

  #count(nowMs: number): void {
    const earned = ((nowMs - this.#countedAtMs) / 1000) * this.#limits.budget;
    this.#kept = Math.min(this.#capacity, this.#kept + earned);
    this.#countedAtMs = nowMs;
  }

  #settleInterval(cost: number): void {
    const { budget, minSeconds, maxSeconds } = this.#limits;
    const wanted = Math.min(maxSeconds, Math.max(minSeconds, cost / (budget * regularShare)));
    const isSteady = Math.abs(wanted - this.#interval) <= steadyWithin * this.#interval;
    const isLimit = wanted === minSeconds || wanted === maxSeconds;
    if (!isSteady || isLimit) this.#interval = Math.ceil(wanted);
  }
}
