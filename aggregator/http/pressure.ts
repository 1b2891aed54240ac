/**
 * Whether the event loop is behind with its work: then answering requests makes everything later, the audit too. One
 * long turn is none; several are, or one that is very long.
 */

const periodMs = 500;
/** Mean lateness of the last turns of the timer. */
const mostLateMs = 1_000;

export class LoopPressure {
  #late = 0;
  #dueAt: number;
  #timer: NodeJS.Timeout | null = null;

  /** @param monotonic milliseconds, of now. */
  constructor(monotonic: number) {
    this.#dueAt = monotonic + periodMs;
  }

  /** Begins to watch the loop of this very process, by its own clock. */
  start(): void {
    this.#dueAt = performance.now() + periodMs;
    this.#timer = setInterval(() => this.turn(performance.now()), periodMs).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** The timer's turn came. The newer half of the mean is this one. */
  turn(monotonic: number): void {
    this.#late = (this.#late + Math.max(0, monotonic - this.#dueAt)) / 2;
    this.#dueAt = monotonic + periodMs;
  }

  get isBehind(): boolean {
    return this.#late > mostLateMs;
  }
}
