/**
 * kube-proxy's recorded answers with their times moved, so that they speak of now and not of the day of the recording.
 * Everything else in them stays as it was answered. In `metrics.txt`, times are gauges of Unix seconds:
 *
 *     kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 1.795332581770665e+09
 *
 * in `healthz.txt` and `livez.txt` they are a header and fields of JSON:
 *
 *     Date: Sun, 22 Nov 2026 07:31:37 GMT
 *     {"lastUpdated":"2026-11-22T07:31:37.139129456Z",...}
 */

/** When health was answered, which is when the node was recorded: Unix ms; null where the text does not say. */
export function recordedAt(healthz: string): number | null {
  const date = /^date: (.+)$/im.exec(healthz)?.[1];
  const at = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(at) ? null : at;
}

/** An answer as it would have come so much later; what is no time stays. @param laterMs may be negative. */
export function movedAnswer(text: string, laterMs: number): string {
  return text
    .replaceAll(/^(\w+_timestamp_seconds(?:\{[^}]*\})?) (\d\S*)$/gm, (line, name, seconds) =>
      Number(seconds) > 0 ? `${name} ${Number(seconds) + laterMs / 1000}` : line,
    )
    .replaceAll(/^(Date: )(.+?)(\r?)$/gm, (_line, name, date, end) => `${name}${movedDate(date, laterMs)}${end}`)
    .replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, (quoted) => `"${movedTime(quoted.slice(1, -1), laterMs)}"`);
}

function movedDate(date: string, laterMs: number): string {
  return new Date(Date.parse(date) + laterMs).toUTCString();
}

function movedTime(time: string, laterMs: number): string {
  return new Date(Date.parse(time) + laterMs).toISOString();
}
