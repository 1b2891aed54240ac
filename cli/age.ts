/** How long ago something was, as kubectl says it: `42s`, `3m12s`, `5h`, `3d4h`. */

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

interface Step {
  /** Seconds. */
  readonly below: number;
  readonly unit: number;
  readonly letter: string;
  readonly rest?: { readonly unit: number; readonly letter: string };
}

const seconds: Step = { below: 2 * minute, unit: 1, letter: 's' };

/** From when on two units, and when on one, are precise enough. */
const steps: readonly Step[] = [
  seconds,
  { below: 10 * minute, unit: minute, letter: 'm', rest: { unit: 1, letter: 's' } },
  { below: 3 * hour, unit: minute, letter: 'm' },
  { below: 8 * hour, unit: hour, letter: 'h', rest: { unit: minute, letter: 'm' } },
  { below: 2 * day, unit: hour, letter: 'h' },
  { below: 8 * day, unit: day, letter: 'd', rest: { unit: hour, letter: 'h' } },
  { below: Number.POSITIVE_INFINITY, unit: day, letter: 'd' },
];

/** @param milliseconds what is below 0, for clocks differ, counts as 0. */
export function ageText(milliseconds: number): string {
  const whole = Math.max(0, Math.floor(milliseconds / 1_000));
  const step = steps.find(({ below }) => whole < below) ?? seconds;
  const text = `${Math.floor(whole / step.unit)}${step.letter}`;
  if (step.rest === undefined) return text;
  const rest = Math.floor((whole % step.unit) / step.rest.unit);
  return rest === 0 ? text : `${text}${rest}${step.rest.letter}`;
}

/**
 * The age of a time of the API.
 * @param time RFC 3339, or null.
 * @param now Unix milliseconds.
 * @returns `-` for null and for what is no time.
 */
export function ageOf(time: string | null, now: number): string {
  const at = time === null ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? '-' : ageText(now - at);
}
