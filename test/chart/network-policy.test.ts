/** Who reaches the aggregator, and what it reaches: docs/permissions.md tells it in words. */
import { describe, expect, it } from 'vitest';
import { at, renderedChart, renderedFile } from './rendered-chart.ts';

function ingressWith(changes: Readonly<Record<string, unknown>>): unknown {
  return at(renderedChart(changes).the('NetworkPolicy'), 'spec.ingress');
}

const grpc = [{ protocol: 'TCP', port: 'grpc' }];
const https = [{ protocol: 'TCP', port: 'https' }];
const anyPod = { namespaceSelector: {} };

describe('the policy of the aggregator', () => {
  it('by default lets agents in from anywhere, and whoever asks over HTTPS from pods', () => {
    expect(ingressWith({})).toEqual([{ ports: grpc }, { ports: https, from: [anyPod] }]);
  });

  it('lets agents in from the addresses of nodes where these are known, and nodes to HTTPS too', () => {
    const nodes = { ipBlock: { cidr: '10.0.0.0/16' } };
    expect(ingressWith({ 'networkPolicy.nodeCIDRs': ['10.0.0.0/16'] })).toEqual([
      { ports: grpc, from: [nodes] },
      { ports: https, from: [anyPod, nodes] },
    ]);
  });

  it('leaves HTTPS to the kubelet of its node where nobody is named: a rule without `from` would let in all', () => {
    expect(ingressWith({ 'networkPolicy.metricsFrom': [] })).toEqual([{ ports: grpc }]);
  });

  it('lets it reach the API server and DNS, and nothing else', () => {
    const { policyTypes, egress } = Object(at(renderedFile('restricted.yaml').the('NetworkPolicy'), 'spec'));
    expect([policyTypes, egress]).toEqual([
      ['Ingress', 'Egress'],
      [
        { ports: [{ protocol: 'TCP', port: 6443 }] },
        {
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
      ],
    ]);
  });
});
