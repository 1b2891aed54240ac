import { describe, expect, it } from 'vitest';
import type { Counter } from '../../proto/parts.ts';
import { service } from '../../test/builders.ts';
import {
  dropped,
  everyone,
  excerpt,
  forwardTo,
  frontend,
  nodeView,
  objects,
  structure,
  type ViewSketch,
} from '../../test/view-builders.ts';
import { noLocalEndpoint } from './no-local-endpoint.ts';

const lb = 'tcp 203.0.113.20:80';
const nodePort = 'tcp node4:30080';
const local = { ...everyone(dropped), pod: forwardTo('10.244.2.9:80') };
const ingress = service('edge/ingress').port(80, 'http').nodePort(30080).loadBalancerIP('203.0.113.20').externalLocal();

function rose(increase: number, windowSeconds = 60): Counter {
  return { total: 100 + increase, increase, windowSeconds, reset: false };
}

/** What is said of a node that dropped these packets, of a Service that asks for local endpoints. */
function evaluate(drops: Readonly<Record<string, Counter>>, sketch: ViewSketch = {}) {
  const droppedPackets = excerpt(
    ...Object.entries(drops).map(([key, packets]) => ({ frontend: frontend(key), packets })),
  );
  const rows = [
    [lb, local],
    [nodePort, local],
  ] as const;
  return noLocalEndpoint.evaluate(
    nodeView({
      desired: rows,
      observed: rows,
      owners: { [lb]: 'edge/ingress:http', [nodePort]: 'edge/ingress:http' },
      structures: [structure({ localDrops: 2, droppedPackets })],
      objects: objects({ services: [ingress.built] }),
      ...sketch,
    }),
  );
}

// The counters are read in agent/collectors/dropped-packets.test.ts, over the form of s1's recorded dumps with counters;
// test/published/local-drops.test.ts has kube-proxy's own rules for a Service without local endpoints.
describe('no-local-endpoint', () => {
  it('packets to a load-balancer address are dropped, more of them at each reading', () => {
    expect(evaluate({ [lb]: rose(42) })).toEqual([
      {
        subject: { kind: 'Service', namespace: 'edge', name: 'ingress', port: 'http', protocol: 'tcp' },
        summary:
          'node-a has no endpoint of edge/ingress, which asks for local ones, and dropped 42 packets to it within 60 s.',
        evidence: [
          { kind: 'fact', name: 'policy', value: 'externalTrafficPolicy: Local' },
          { kind: 'fact', name: 'dropped, tcp 203.0.113.20:80', value: '42 in the last 60 s, 142 since its start' },
        ],
        remediation: [
          expect.objectContaining({ command: expect.stringContaining('get endpointslices') }),
          {
            command: `kubectl -n edge patch service ingress -p '{"spec":{"externalTrafficPolicy":"Cluster"}}'`,
            effect: "Every node forwards to endpoints wherever they are; these no longer see the client's address.",
          },
        ],
        frontends: [frontend(lb)],
      },
    ]);
  });

  it('a node without local endpoint to which nobody sends is as asked for', () => {
    expect(evaluate({ [lb]: rose(0), [nodePort]: rose(0) })).toEqual([]);
  });

  it('what was dropped before the first reading says nothing of now', () => {
    expect(evaluate({ [lb]: rose(0, 0) })).toEqual([]);
  });

  it('only node ports of a load-balancer Service are hit: low, since they may be probes', () => {
    expect(evaluate({ [nodePort]: rose(12) })).toMatchObject([{ severity: 'low' }]);
    expect(evaluate({ [nodePort]: rose(12), [lb]: rose(3) })[0]?.severity).toBeUndefined();
  });

  it('a drop that the API does not ask for is told by others', () => {
    const served = [[lb, everyone(forwardTo('10.244.1.9:80'))]] as const;
    expect(evaluate({ [lb]: rose(42) }, { desired: served, owners: { [lb]: 'edge/ingress:http' } })).toEqual([]);
    expect(evaluate({ [lb]: rose(42) }, { owners: {} })).toEqual([]);
  });
});
