/**
 * The few lines of kube-proxy's /metrics that Plumbline reads, in the Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). A large cluster's answer has thousands of lines:
 * each is looked at once and only the wanted ones are taken apart.
 *
 *     kubernetes_build_info{git_version="v1.36.2",major="1"} 1
 *     kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"} 381
 *     kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv6"} 1.7953325790962152e+09
 */
import type { Family } from '../../proto/address.ts';
import type { KubeProxyReport } from '../../proto/parts.ts';

export type KubeProxyMetrics = Pick<KubeProxyReport, 'version' | 'believedRules' | 'lastSync' | 'lastQueued'>;

/** One sample line. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const wanted = ['kubeproxy_sync_proxy_rules_', 'kubernetes_build_info'] as const;
const prefix = wanted[0];

/**
 * Reads the wanted samples; lines that cannot be read are counted, not guessed at.
 * Samples without `ip_family` (kube-proxies that did not tell the families apart) are left out: whose they are is
 * not known.
 */
export function readMetrics(body: string): KubeProxyMetrics & { readonly unreadableLines: number } {
  let version: string | null = null;
  let unreadableLines = 0;
  const believedRules: { family: Family; table: string; rules: number }[] = [];
  const lastSync: { family: Family; seconds: number }[] = [];
  const lastQueued: { family: Family; seconds: number }[] = [];
  for (const line of wantedLines(body)) {
    const sample = readSample(line);
    if (sample === null) {
      unreadableLines++;
      continue;
    }
    const { name, labels, value } = sample;
    if (name === 'kubernetes_build_info') version = labels.get('git_version') ?? null;
    const family = familyOfLabel(labels.get('ip_family'));
    if (family === null) continue;
    const table = labels.get('table');
    if (name === `${prefix}iptables_total` && table !== undefined) believedRules.push({ family, table, rules: value });
    if (name === `${prefix}last_timestamp_seconds`) lastSync.push({ family, seconds: value });
    if (name === `${prefix}last_queued_timestamp_seconds`) lastQueued.push({ family, seconds: value });
  }
  return { version, believedRules, lastSync, lastQueued, unreadableLines };
}

function* wantedLines(body: string): Generator<string> {
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf('\n', start);
    const end = newline < 0 ? body.length : newline;
    if (wanted.some((name) => body.startsWith(name, start))) yield body.slice(start, end);
    start = end + 1;
  }
}

function familyOfLabel(label: string | undefined): Family | null {
  if (label === 'IPv4') return 'ipv4';
  return label === 'IPv6' ? 'ipv6' : null;
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
