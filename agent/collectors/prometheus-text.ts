/**
 * The Prometheus text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), line by line.
 *
 *     # TYPE kubeproxy_sync_proxy_rules_iptables_total gauge
 *     kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"} 381
 *     kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="+Inf"} 30
 */

/** One sample line. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** One bucket of a histogram: how many values were not above its bound. */
export interface Bucket {
  /** `Infinity` for the last. */
  readonly bound: number;
  readonly count: number;
}

/**
 * The bound that a share of all values does not exceed; where they lie beyond all finite bounds, the largest of those.
 * @param share between 0 and 1.
 * @returns null of a histogram that is not whole, or that has counted nothing yet.
 */
export function upperBound(buckets: readonly Bucket[], share: number): number | null {
  const ordered = buckets.toSorted((one, other) => one.bound - other.bound);
  const all = ordered.at(-1);
  if (all === undefined || Number.isFinite(all.bound) || all.count === 0) return null;
  const holder = ordered.find(({ count }) => count >= share * all.count);
  if (holder !== undefined && Number.isFinite(holder.bound)) return holder.bound;
  return ordered.at(-2)?.bound ?? null;
}

/**
 * Reads `name{label="value",...} number`, with the escapes \\ \" \n in values; a timestamp behind the number is ignored.
 * @returns null when the line is no sample with a finite number.
 */
export function readSample(line: string): Sample | null {
  const brace = line.indexOf('{');
  const blank = line.indexOf(' ');
  const labels = new Map<string, string>();
  if (brace < 0 || (blank >= 0 && blank < brace)) return sampleOf(line.slice(0, blank), labels, line.slice(blank + 1));
  let at = brace + 1;
  while (line[at] !== '}') {
    const equals = line.indexOf('="', at);
    if (equals < 0) return null;
    const value = readQuoted(line, equals + 2);
    if (value === null) return null;
    labels.set(line.slice(at, equals), value.text);
    at = line[value.end] === ',' ? value.end + 1 : value.end;
  }
  return line[at + 1] === ' ' ? sampleOf(line.slice(0, brace), labels, line.slice(at + 2)) : null;
}

function sampleOf(name: string, labels: ReadonlyMap<string, string>, rest: string): Sample | null {
  const [number = ''] = rest.split(' ', 1);
  const value = number === '' ? Number.NaN : Number(number);
  return name !== '' && Number.isFinite(value) ? { name, labels, value } : null;
}

/** @returns the text up to the closing quote and the place behind it; null when the quote is never closed. */
function readQuoted(line: string, start: number): { readonly text: string; readonly end: number } | null {
  let text = '';
  for (let i = start; i < line.length; i++) {
    const character = line[i];
    if (character === '"') return { text, end: i + 1 };
    if (character === '\\') {
      i++;
      text += line[i] === 'n' ? '\n' : (line[i] ?? '');
    } else {
      text += character;
    }
  }
  return null;
}
