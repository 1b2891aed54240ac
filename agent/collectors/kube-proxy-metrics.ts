/**
 * The few lines of kube-proxy's /metrics that Plumbline reads. A large cluster's answer has thousands of lines: each is
 * looked at once and only the wanted ones are taken apart.
 *
 *     kubernetes_build_info{git_version="v1.36.2",major="1"} 1
 *     kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"} 381
 *     kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv6"} 1.7953325790962152e+09
 *     kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="2"} 28
 */
import type { Family } from '../../proto/address.ts';
import type { KubeProxyReport, SyncFailures } from '../../proto/parts.ts';
import { type Bucket, readSample, type Sample, upperBound } from './prometheus-text.ts';

/** What is read off at once; counts get their increase from whoever remembers the last answer. */
export interface KubeProxyMetrics
  extends Pick<
    KubeProxyReport,
    'version' | 'believedRules' | 'lastSync' | 'lastQueued' | 'programmingP99Seconds' | 'syncP99Seconds'
  > {
  readonly syncFailures: readonly (Pick<SyncFailures, 'family' | 'what'> & { readonly total: number })[];
  /** Null = not counted. */
  readonly serviceChanges: number | null;
  readonly endpointChanges: number | null;
  readonly unreadableLines: number;
}

const prefix = 'kubeproxy_sync_proxy_rules_';
const programming = 'kubeproxy_network_programming_duration_seconds_bucket';
const syncing = `${prefix}duration_seconds_bucket`;
const wanted = [prefix, programming, 'kubernetes_build_info'] as const;

const failureNames: ReadonlyMap<string, SyncFailures['what']> = new Map([
  [`${prefix}iptables_restore_failures_total`, 'iptables-restore'],
  [`${prefix}iptables_partial_restore_failures_total`, 'iptables-partial-restore'],
  [`${prefix}nftables_sync_failures_total`, 'nftables-sync'],
  [`${prefix}nftables_cleanup_failures_total`, 'nftables-cleanup'],
]);

/** By family; the empty text where kube-proxy does not tell them apart. */
type Histograms = Map<string, Bucket[]>;

/** What has been read so far. */
interface Gathering {
  version: string | null;
  unreadableLines: number;
  // By what tells them apart, so that no answer makes more of them than there are.
  readonly believedRules: Map<string, KubeProxyReport['believedRules'][number]>;
  readonly lastSync: Map<Family, KubeProxyReport['lastSync'][number]>;
  readonly lastQueued: Map<Family, KubeProxyReport['lastQueued'][number]>;
  readonly failures: Map<string, KubeProxyMetrics['syncFailures'][number]>;
  /** By full name. */
  readonly changes: Map<string, number>;
  readonly programming: Histograms;
  readonly syncing: Histograms;
}

/**
 * Reads the wanted samples; lines that cannot be read are counted, not guessed at.
 * Times and rules without `ip_family` (kube-proxies that did not tell the families apart) are left out: whose they are
 * is not known. Failures and durations count without.
 */
export function readMetrics(body: string): KubeProxyMetrics {
  const gathering: Gathering = {
    version: null,
    unreadableLines: 0,
    believedRules: new Map(),
    lastSync: new Map(),
    lastQueued: new Map(),
    failures: new Map(),
    changes: new Map(),
    programming: new Map(),
    syncing: new Map(),
  };
  for (const line of wantedLines(body)) {
    const sample = readSample(line);
    if (sample === null || !take(gathering, sample)) gathering.unreadableLines++;
  }
  const { version, believedRules, lastSync, lastQueued, failures, changes, unreadableLines } = gathering;
  return {
    version,
    believedRules: [...believedRules.values()],
    lastSync: [...lastSync.values()],
    lastQueued: [...lastQueued.values()],
    syncFailures: [...failures.values()],
    serviceChanges: changes.get(`${prefix}service_changes_total`) ?? null,
    endpointChanges: changes.get(`${prefix}endpoint_changes_total`) ?? null,
    programmingP99Seconds: p99Of(gathering.programming),
    syncP99Seconds: p99Of(gathering.syncing),
    unreadableLines,
  };
}

/** Of the slower family; null without any. */
function p99Of(histograms: Histograms): number | null {
  const p99s = [...histograms.values()].map((buckets) => upperBound(buckets, 0.99));
  const told = p99s.filter((seconds) => seconds !== null);
  return told.length === 0 ? null : Math.max(...told);
}

/** @returns whether the sample makes sense; one that nobody asks for does. */
function take(gathering: Gathering, { name, labels, value }: Sample): boolean {
  const family = familyOfLabel(labels.get('ip_family'));
  const what = failureNames.get(name);
  if (what !== undefined) {
    if (!isCount(value)) return false;
    gathering.failures.set(`${what} ${family}`, { family, what, total: value });
    return true;
  }
  switch (name) {
    case 'kubernetes_build_info':
      gathering.version = labels.get('git_version') ?? null;
      return true;
    case `${prefix}service_changes_total`:
    case `${prefix}endpoint_changes_total`:
      if (!isCount(value)) return false;
      gathering.changes.set(name, value);
      return true;
    case programming:
      return takeBucket(gathering.programming, family ?? '', { labels, value });
    case syncing:
      return takeBucket(gathering.syncing, family ?? '', { labels, value });
    default:
      return family === null || takeOfFamily(gathering, family, { name, labels, value });
  }
}

function takeOfFamily(gathering: Gathering, family: Family, { name, labels, value }: Sample): boolean {
  const table = labels.get('table');
  switch (name) {
    case `${prefix}iptables_total`:
      if (table === undefined || !isCount(value)) return false;
      gathering.believedRules.set(`${family} ${table}`, { family, table, rules: value });
      return true;
    case `${prefix}last_timestamp_seconds`:
      if (value < 0) return false;
      gathering.lastSync.set(family, { family, seconds: value });
      return true;
    case `${prefix}last_queued_timestamp_seconds`:
      if (value < 0) return false;
      gathering.lastQueued.set(family, { family, seconds: value });
      return true;
    default:
      return true;
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function takeBucket(
  histograms: Histograms,
  family: string,
  { labels, value }: Pick<Sample, 'labels' | 'value'>,
): boolean {
  const label = labels.get('le') ?? '';
  const bound = label === '+Inf' ? Number.POSITIVE_INFINITY : Number(label);
  if (label === '' || Number.isNaN(bound) || value < 0) return false;
  const buckets = histograms.get(family) ?? [];
  buckets.push({ bound, count: value });
  histograms.set(family, buckets);
  return true;
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
