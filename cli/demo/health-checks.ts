/**
 * What a node's kube-proxy answers load balancers: whether a Service with policy Local has an endpoint on the node. The
 * answers were never recorded; they are made as kube-proxy makes them (pkg/proxy/healthcheck/service_health.go).
 */
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';

/** Where a node's answers lie in its folder, for what stands for its kube-proxy. */
export const healthChecksFile = 'health-checks.json';

export interface HealthCheckAnswer {
  readonly port: number;
  readonly status: 200 | 503;
  readonly body: string;
}

/** One answer for each Service with a health check node port. */
export function healthCheckAnswers(cluster: ClusterSnapshot, node: string): readonly HealthCheckAnswer[] {
  return cluster.services.flatMap(({ namespace, name, healthCheckNodePort: port }) => {
    if (port === 0) return [];
    const slices = cluster.endpointSlices.filter(
      (slice) => slice.namespace === namespace && slice.serviceName === name,
    );
    const here = slices
      .flatMap(({ endpoints }) => endpoints)
      .filter(({ nodeName, ready }) => nodeName === node && ready)
      .map(({ address }) => address);
    const localEndpoints = new Set(here).size;
    const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: true };
    return [{ port, status: localEndpoints > 0 ? 200 : 503, body: JSON.stringify(body) }];
  });
}
