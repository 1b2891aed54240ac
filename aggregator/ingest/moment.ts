/** One moment, on both clocks. */
export interface Moment {
  /** Unix milliseconds. For people, never for order. */
  readonly wall: number;
  /** Milliseconds that only rise. */
  readonly monotonic: number;
}
