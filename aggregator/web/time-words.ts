/** Times as people say them. */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `just now`, `40 s ago`, `3 min ago`, `2 h 5 min ago`, `4 days ago`; `in 3 min` of what is to come. */
export function relativeWords(at: number, now: number): string {
  const away = now - at;
  if (away < 0) return away > -5_000 ? 'just now' : `in ${lengthWords(-away)}`;
  return away < 5_000 ? 'just now' : `${lengthWords(away)} ago`;
}

/** `40 s`, `3 min`, `2 h 5 min`, `4 days`. */
export function lengthWords(milliseconds: number): string {
  if (milliseconds < minuteMs) return `${Math.floor(milliseconds / 1_000)} s`;
  if (milliseconds < hourMs) return `${Math.floor(milliseconds / minuteMs)} min`;
  if (milliseconds < dayMs) {
    const minutes = Math.floor((milliseconds % hourMs) / minuteMs);
    return `${Math.floor(milliseconds / hourMs)} h${minutes === 0 ? '' : ` ${minutes} min`}`;
  }
  const days = Math.floor(milliseconds / dayMs);
  return days === 1 ? '1 day' : `${days} days`;
}

/** `2026-11-23 02:14:05 UTC`: the same for everybody who reads it. */
export function exactWords(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
