/**
 * What kube-proxy says of itself, asked on loopback: health on port 10256, metrics, mode and configuration on 10249
 * (kube-proxy's defaults). None of it proves that the rules are right: a kube-proxy that is cut off from the API server
 * stays 200 on /healthz for ever.
 */
import type { KubeProxyReport, Part } from '../../proto/parts.ts';
import type { GetResult, Host } from '../host.ts';
import type { KubeProxyConfiguration } from './kube-proxy-configuration.ts';
import { readConfiguration } from './kube-proxy-configuration.ts';
import { readMetrics } from './kube-proxy-metrics.ts';

const healthUrl = 'http://127.0.0.1:10256';
const metricsUrl = 'http://127.0.0.1:10249';
const deadlineMs = 3000;

export interface KubeProxyReading {
  readonly part: Part<KubeProxyReport>;
  /** Null when kube-proxy does not show it. */
  readonly configuration: KubeProxyConfiguration | null;
}

/** Asks kube-proxy; `absent` when this host has nothing to ask (a recording without kube-proxy). */
export async function collectKubeProxy(host: Host, now: () => Date): Promise<KubeProxyReading> {
  const ask = (url: string) => host.get(url, deadlineMs);
  const [healthz, livez, metrics, proxyMode, configz] = await Promise.all([
    ask(`${healthUrl}/healthz`),
    ask(`${healthUrl}/livez`),
    ask(`${metricsUrl}/metrics`),
    ask(`${metricsUrl}/proxyMode`),
    ask(`${metricsUrl}/configz`),
  ]);
  if ([healthz, livez, metrics, proxyMode, configz].every(isAbsent)) {
    return { part: { state: 'absent' }, configuration: null };
  }
  const problems: string[] = [];
  const body = (url: string, result: GetResult): string | null => bodyOf(`${metricsUrl}${url}`, result, problems);
  const health = (url: string, result: GetResult) => healthOf(`${healthUrl}${url}`, result, problems);
  const healthzState = health('/healthz', healthz);
  const livezState = health('/livez', livez);
  const metricsBody = body('/metrics', metrics);
  const mode = body('/proxyMode', proxyMode);
  const configzBody = body('/configz', configz);
  const configuration = configzBody === null ? null : readConfiguration(configzBody);
  if (configzBody !== null && configuration === null) {
    problems.push(`GET ${metricsUrl}/configz: not a KubeProxyConfiguration`);
  }
  const { unreadableLines, ...read } = readMetrics(metricsBody ?? '');
  if (unreadableLines > 0) problems.push(`GET ${metricsUrl}/metrics: ${unreadableLines} lines cannot be read`);
  const value: KubeProxyReport = {
    healthz: healthzState,
    livez: livezState,
    metricsAnswered: metricsBody !== null,
    mode: mode === null || mode.trim() === '' ? null : mode.trim(),
    ...read,
    problems,
  };
  return { part: { state: 'ok', value, collectedAt: now().toISOString() }, configuration };
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
