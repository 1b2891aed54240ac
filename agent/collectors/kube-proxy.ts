/**
 * What kube-proxy says of itself, asked on loopback: health on port 10256, metrics, mode and configuration on 10249
 * (kube-proxy's defaults). None of it proves that the rules are right: a kube-proxy that is cut off from the API server
 * stays 200 on /healthz for ever.
 */
import type { KubeProxyReport, Part } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { GetResult, Host } from '../host.ts';
import type { KubeProxyConfiguration } from './kube-proxy-configuration.ts';
import { readConfiguration } from './kube-proxy-configuration.ts';
import { type KubeProxyMetrics, readMetrics } from './kube-proxy-metrics.ts';
import { RisingCounters } from './rising-counters.ts';

const healthUrl = 'http://127.0.0.1:10256';
const metricsUrl = 'http://127.0.0.1:10249';
const deadlineMs = 3000;

export interface KubeProxyReading {
  readonly part: Part<KubeProxyReport>;
  /** Null when kube-proxy does not show it. */
  readonly configuration: KubeProxyConfiguration | null;
}

/** Asks one node's kube-proxy again and again, and remembers its counts. */
export class KubeProxyReader {
  readonly #host: Host;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #counters = new RisingCounters();

  constructor(host: Host, clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Asks once; `absent` when this host has nothing to ask (a recording without kube-proxy). */
  async read(): Promise<KubeProxyReading> {
    const answers = await askAll(this.#host);
    if (Object.values(answers).every(isAbsent)) return { part: { state: 'absent' }, configuration: null };
    const problems: string[] = [];
    const body = (path: string, result: GetResult) => bodyOf(`${metricsUrl}${path}`, result, problems);
    const health = (path: string, result: GetResult) => healthOf(`${healthUrl}${path}`, result, problems);
    const healthz = health('/healthz', answers.healthz);
    const livez = health('/livez', answers.livez);
    const metrics = body('/metrics', answers.metrics);
    const mode = body('/proxyMode', answers.proxyMode)?.trim() ?? '';
    const configz = body('/configz', answers.configz);
    const configuration = configz === null ? null : readConfiguration(configz);
    if (configz !== null && configuration === null) {
      problems.push(`GET ${metricsUrl}/configz: not a KubeProxyConfiguration`);
    }
    const { unreadableLines, ...read } = readMetrics(metrics ?? '');
    if (unreadableLines > 0) problems.push(`GET ${metricsUrl}/metrics: ${unreadableLines} lines cannot be read`);
    const value: KubeProxyReport = {
      healthz,
      livez,
      metricsAnswered: metrics !== null,
      mode: mode === '' ? null : mode,
      ...read,
      ...(metrics === null ? uncounted : this.#count(read)),
      // Its ports are named by its rules, which are read later: health-check-ports.ts.
      healthChecks: [],
      problems,
    };
    return { part: { state: 'ok', value, collectedAt: this.#clock.now().toISOString() }, configuration };
  }

  #count({ syncFailures, serviceChanges, endpointChanges }: Counts<KubeProxyMetrics>): Counts<KubeProxyReport> {
    const totals = new Map<string, number>();
    for (const { what, family, total } of syncFailures) totals.set(`${what} ${family}`, total);
    if (serviceChanges !== null) totals.set('services', serviceChanges);
    if (endpointChanges !== null) totals.set('endpoints', endpointChanges);
    const counters = this.#counters.advance(totals, this.#clock.monotonicMs());
    return {
      syncFailures: syncFailures.flatMap(({ what, family }) => {
        const counter = counters.get(`${what} ${family}`);
        return counter === undefined ? [] : [{ family, what, counter }];
      }),
      serviceChanges: counters.get('services') ?? null,
      endpointChanges: counters.get('endpoints') ?? null,
    };
  }
}

type Counts<T extends { syncFailures: unknown; serviceChanges: unknown; endpointChanges: unknown }> = Pick<
  T,
  'syncFailures' | 'serviceChanges' | 'endpointChanges'
>;

/** No answer is no count of zero: what was counted last is still remembered. */
const uncounted: Counts<KubeProxyReport> = { syncFailures: [], serviceChanges: null, endpointChanges: null };

async function askAll(host: Host) {
  const ask = (url: string) => host.get(url, deadlineMs);
  const [healthz, livez, metrics, proxyMode, configz] = await Promise.all([
    ask(`${healthUrl}/healthz`),
    ask(`${healthUrl}/livez`),
    ask(`${metricsUrl}/metrics`),
    ask(`${metricsUrl}/proxyMode`),
    ask(`${metricsUrl}/configz`),
  ]);
  return { healthz, livez, metrics, proxyMode, configz };
}

function isAbsent(result: GetResult): boolean {
  return !result.ok && result.kind === 'absent';
}

function bodyOf(url: string, result: GetResult, problems: string[]): string | null {
  if (result.ok && result.status === 200) return result.body;
  if (result.ok) problems.push(`GET ${url}: status ${result.status}`);
  else if (!isAbsent(result)) problems.push(result.message);
  return null;
}

/** 503 is kube-proxy's own word for unhealthy; a 404 comes from one that has no such endpoint (livez before v1.28). */
function healthOf(url: string, result: GetResult, problems: string[]): KubeProxyReport['healthz'] {
  if (!result.ok) {
    if (isAbsent(result)) return 'unknown';
    problems.push(result.message);
    return 'silent';
  }
  if (result.status === 200) return 'healthy';
  problems.push(`GET ${url}: status ${result.status}`);
  return result.status === 503 ? 'unhealthy' : 'unknown';
}
