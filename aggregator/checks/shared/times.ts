/** Points in time, as text and as Unix seconds: a check has no clock, and needs none to compare two of them. */

const daySeconds = 86_400;
/** Days from 0000-03-01 to 1970-01-01. A year that begins in March has its leap day at its end. */
const epochDays = 719_468;

/** @returns Unix seconds; null when the text is no RFC 3339 time in UTC. */
export function unixSeconds(time: string): number | null {
  const parts = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2}(?:\.\d+)?)Z$/.exec(time);
  if (parts === null) return null;
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map(Number);
  return dayNumber(year, month, day) * daySeconds + hours * 3600 + minutes * 60 + seconds;
}

/** `2026-11-22T07:50:12Z`; parts of a second are cut off. */
export function timeText(seconds: number): string {
  const whole = Math.floor(seconds);
  const day = Math.floor(whole / daySeconds);
  const rest = whole - day * daySeconds;
  const clock = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map((part) => padded(part, 2));
  return `${dateText(day)}T${clock.join(':')}Z`;
}

/** Days since 1970-01-01 of a date of the Gregorian calendar. */
function dayNumber(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const monthsSinceMarch = (month + 9) % 12;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * monthsSinceMarch + 2) / 5) + day - 1 - epochDays;
}

function dateText(days: number): string {
  // One year too far where the guess falls behind January.
  let year = 1970 + Math.floor(days / 365.2425) + 1;
  while (dayNumber(year, 1, 1) > days) year--;
  let month = 12;
  while (dayNumber(year, month, 1) > days) month--;
  const day = days - dayNumber(year, month, 1) + 1;
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
