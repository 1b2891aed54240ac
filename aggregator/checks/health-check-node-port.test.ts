import { describe, expect, it } from 'vitest';
import type { HealthCheckAnswer, KubeProxyReport } from '../../proto/parts.ts';
import { service, slice } from '../../test/builders.ts';
import { kubeProxy, nodeView, objects } from '../../test/view-builders.ts';
import type { EndpointSlice, Service } from '../model/cluster.ts';
import { healthCheckNodePort } from './health-check-node-port.ts';

/** As in s1: edge/ingress has one endpoint on node-a and one on node-b; kube-proxy's rules name port 32000. */
const ingress = service('edge/ingress').port(80, 'http').nodePort(30080).loadBalancerIP('203.0.113.20').externalLocal();
const asked = ingress.having({ healthCheckNodePort: 32000 }).built;
const endpoints = slice('edge/ingress')
  .port(80, 'http')
  .ready('10.244.1.9', { node: 'node-a' })
  .ready('10.244.2.9', { node: 'node-b' });
const truth: HealthCheckAnswer = {
  port: 32000,
  status: 200,
  service: 'edge/ingress',
  localEndpoints: 1,
  proxyHealthy: true,
  problem: null,
};

interface Sketch {
  readonly services?: readonly Service[];
  readonly slices?: readonly EndpointSlice[];
  readonly proxy?: Partial<KubeProxyReport>;
  readonly nodePortAddresses?: 'all' | 'primary';
}

function evaluate(answer: Partial<HealthCheckAnswer>, sketch: Sketch = {}) {
  const { services = [asked], slices = [endpoints.built], proxy = {}, nodePortAddresses = 'all' } = sketch;
  return healthCheckNodePort.evaluate(
    nodeView({
      profile: { nodePortAddresses: { value: nodePortAddresses, source: 'configz' } },
      objects: objects({ services, endpointSlices: slices }),
      parts: { kubeProxy: kubeProxy({ healthChecks: [{ ...truth, ...answer }], ...proxy }) },
    }),
  );
}

const silent = { status: null, service: null, localEndpoints: null, proxyHealthy: null } as const;
const elsewhere = slice('edge/ingress').port(80, 'http').ready('10.244.2.9', { node: 'node-b' }).built;

// agent/collectors/health-check-ports.test.ts has the answers in the form of kube-proxy's source.
describe('health-check-node-port', () => {
  it('nobody listens: another process held the port when kube-proxy started', () => {
    const problem = 'GET http://127.0.0.1:32000/: connection refused';
    expect(evaluate({ ...silent, problem })).toEqual([
      {
        subject: { kind: 'Service', namespace: 'edge', name: 'ingress', port: '', protocol: 'tcp' },
        summary:
          'The health check node port 32000 of edge/ingress misleads load balancers on node-a: nobody answers there.',
        evidence: [
          { kind: 'fact', name: 'ready endpoints here', value: '1' },
          { kind: 'fact', name: 'answer', value: 'none' },
          { kind: 'fact', name: 'problem', value: problem },
        ],
        remediation: [
          expect.objectContaining({ command: "ss -ltnp 'sport = :32000'" }),
          expect.objectContaining({
            command: 'kubectl get events -A --field-selector reason=FailedToStartServiceHealthcheck',
          }),
          expect.objectContaining({ command: expect.stringContaining('get endpointslices') }),
          expect.objectContaining({ command: expect.stringContaining('delete pod') }),
        ],
        frontends: [],
      },
    ]);
  });

  it.each([
    ['it counts 0 local endpoints, and there are 1', { status: 503, localEndpoints: 0 }],
    ['it answers for edge/other', { service: 'edge/other' }],
    ['somebody else than kube-proxy answers (200)', { ...silent, status: 200 }],
    ['it answers 503 with 1 local endpoints', { status: 503 }],
  ] as const)('%s', (wrong, answer) => {
    expect(evaluate(answer).map(({ summary }) => summary)).toEqual([
      `The health check node port 32000 of edge/ingress misleads load balancers on node-a: ${wrong}.`,
    ]);
  });

  it('a count that is wrong, and leads load balancers to where they should go, is low', () => {
    expect(evaluate({ localEndpoints: 3 })).toMatchObject([
      {
        severity: 'low',
        summary:
          'The health check node port 32000 of edge/ingress on node-a is right to let load balancers in, and yet it counts 3 local endpoints, and there are 1: of low severity.',
      },
    ]);
    expect(evaluate({ localEndpoints: 3 }, { slices: [elsewhere] }).map(({ severity }) => severity)).toEqual([
      undefined,
    ]);
  });

  it('200 with no endpoint on the node sends clients where they are dropped', () => {
    const [found] = evaluate({ status: 200, localEndpoints: 0 }, { slices: [elsewhere] });
    expect(found?.summary).toMatch(/it answers 200 with 0 local endpoints\.$/);
  });
});

describe('health-check-node-port says nothing', () => {
  it('of the truth', () => {
    expect(evaluate({})).toEqual([]);
    expect(evaluate({ status: 503, localEndpoints: 0 }, { slices: [elsewhere] })).toEqual([]);
  });

  it('of endpoints that are terminating: they do not count', () => {
    const going = slice('edge/ingress').port(80, 'http').terminating('10.244.1.9', { node: 'node-a' }).built;
    expect(evaluate({ status: 503, localEndpoints: 0 }, { slices: [going] })).toEqual([]);
  });

  it('of an address that several slices repeat: it counts once', () => {
    expect(evaluate({}, { slices: [endpoints.built, endpoints.named('ingress-2').built] })).toEqual([]);
  });

  it('of 503 where kube-proxy calls itself unhealthy', () => {
    expect(evaluate({ status: 503, proxyHealthy: false })).toEqual([]);
    expect(evaluate({ status: 503, localEndpoints: 0 }, { proxy: { healthz: 'unhealthy' } })).toEqual([]);
  });

  it('where kube-proxy listens on some addresses only', () => {
    expect(evaluate(silent, { nodePortAddresses: 'primary' })).toEqual([]);
  });

  it("of a port that is no longer anybody's, or a Service that no load balancer asks about", () => {
    expect(evaluate({ localEndpoints: 0 }, { services: [] })).toEqual([]);
    const cluster = { ...asked, externalTrafficPolicy: 'Cluster' } as const;
    expect(evaluate({ localEndpoints: 0 }, { services: [cluster] })).toEqual([]);
  });
});
