import { describe, expect, it } from 'vitest';
import { everyone, forwardTo, frontend, nodeView, untaken } from '../../test/view-builders.ts';
import { missingEndpoint } from './missing-endpoint.ts';

const api = 'tcp 10.96.0.2:9090';
const owners = { [api]: 'shop/api:grpc' };
const both = forwardTo('10.244.1.3:9090', '10.244.3.8:9090');

describe('missing-endpoint', () => {
  it('a new endpoint is in no rule', () => {
    const view = nodeView({
      desired: [[api, everyone(both)]],
      observed: [[api, everyone(forwardTo('10.244.1.3:9090'))]],
      owners,
    });
    const [violation] = missingEndpoint.evaluate(view);
    expect(violation).toMatchObject({
      subject: { kind: 'Service', namespace: 'shop', name: 'api', port: 'grpc', protocol: 'tcp' },
      summary: 'node-a leaves out 10.244.3.8:9090 when it forwards all packets to shop/api:grpc.',
      frontends: [frontend(api)],
      explains: [frontend(api)],
    });
    expect(violation?.evidence).toEqual([
      {
        kind: 'forwarding',
        frontend: api,
        wanted: 'forward to 10.244.1.3:9090 and 10.244.3.8:9090 (masquerade never)',
        real: 'forward to 10.244.1.3:9090 (masquerade never)',
      },
      { kind: 'backend', frontend: api, backend: '10.244.3.8:9090', state: 'missing' },
    ]);
  });

  it('outside clients alone do not reach an endpoint', () => {
    const view = nodeView({
      desired: [[api, everyone(both)]],
      observed: [[api, { pod: both, node: both, outside: forwardTo('10.244.1.3:9090') }]],
      owners,
    });
    expect(missingEndpoint.evaluate(view).map(({ summary }) => summary)).toEqual([
      'node-a leaves out 10.244.3.8:9090 when it forwards packets from outside clients to shop/api:grpc.',
    ]);
  });

  it('a service that is not programmed at all misses no single endpoint', () => {
    const view = nodeView({ desired: [[api, everyone(both)]], observed: [[api, everyone(untaken)]], owners });
    expect(missingEndpoint.evaluate(view)).toEqual([]);
  });
});
