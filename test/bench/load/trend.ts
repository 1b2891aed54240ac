/** How a measure goes with time. */

export interface Point {
  /** Seconds. */
  readonly at: number;
  readonly value: number;
}

/** The straight line through points by least squares, as what it rises by in ten minutes. Zero without two moments. */
export function risePerTenMinutes(points: readonly Point[]): number {
  const middle = mean(points.map(({ at }) => at));
  const level = mean(points.map(({ value }) => value));
  const spread = points.reduce((sum, { at }) => sum + (at - middle) ** 2, 0);
  const joint = points.reduce((sum, { at, value }) => sum + (at - middle) * (value - level), 0);
  return spread === 0 ? 0 : (joint / spread) * 600;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
