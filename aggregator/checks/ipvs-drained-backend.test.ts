import { describe, expect, it } from 'vitest';
import { address, slice } from '../../test/builders.ts';
import {
  backend,
  everyone,
  excerpt,
  forwardTo,
  frontend,
  nodeView,
  objects,
  rejected,
  reported,
  type Row,
  type ViewSketch,
} from '../../test/view-builders.ts';
import type { DrainedServer, IpvsReport } from '../../proto/parts.ts';
import { ipvsDrainedBackend } from './ipvs-drained-backend.ts';

// The virtual servers are those of shop/cart and shop/web in the recording s6-ipvs-healthy, node-d; drained by hand.
const cart = 'tcp 10.96.109.4:6379';
const cartBackend = '10.244.2.4:6379';
const gone = '10.244.9.9:6379';
const owners = { [cart]: 'shop/cart:redis', 'tcp node4:30090': 'shop/draining-local:http' };

function drained(other: Partial<DrainedServer> = {}): DrainedServer {
  return {
    server: { protocol: 'tcp', address: address('10.96.109.4'), port: 6379 },
    backend: backend(cartBackend),
    activeConnections: 0,
    inactiveConnections: 0,
    persistent: true,
    forSeconds: 0,
    sinceFallSeconds: 0,
    ...other,
  };
}

interface Sketch extends ViewSketch {
  readonly servers: readonly DrainedServer[];
  readonly report?: Partial<IpvsReport>;
}

function findings({ servers, report = {}, ...sketch }: Sketch) {
  const ipvs: IpvsReport = {
    virtualServers: 63,
    realServers: 115,
    drained: excerpt(...servers),
    unboundServers: excerpt(),
    idleAddresses: excerpt(),
    connReuseMode: 1,
    expireQuiescentTemplate: 1,
    ...report,
  };
  const profile = {
    mode: { value: 'ipvs', source: 'proxyMode' },
    localAddresses: { value: [address('192.168.100.14')], source: 'addresses' },
    ...sketch.profile,
  } as const;
  return ipvsDrainedBackend.evaluate(
    nodeView({ name: 'node-d', owners, ...sketch, profile, parts: { ipvs: reported(ipvs) } }),
  );
}

const wanted: readonly Row[] = [[cart, everyone(forwardTo(cartBackend))]];
const refused: readonly Row[] = [[cart, everyone(rejected)]];

describe('ipvs-drained-backend, a server that should serve', () => {
  it('is told with the command that lets it serve, and explains the refusal', () => {
    expect(findings({ servers: [drained()], desired: wanted, observed: refused })).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'cart', port: 'redis' },
        summary:
          'node-d gives 10.244.2.4:6379 of shop/cart:redis no new connections: weight 0, though it is an endpoint this node has to use.',
        evidence: [
          {
            name: 'tcp 10.96.109.4:6379 -> 10.244.2.4:6379',
            value: 'weight 0, 0 active and 0 inactive connections, clients are kept',
          },
        ],
        remediation: [
          { command: 'ipvsadm -e -t 10.96.109.4:6379 -r 10.244.2.4:6379 -m -w 1' },
          { command: expect.stringContaining('get endpointslices') },
          {},
          {},
        ],
        frontends: [frontend(cart)],
        explains: [frontend(cart)],
      },
    ]);
  });

  it('at a node port is found by the node’s own address', () => {
    const key = 'tcp node4:30090';
    const server = { protocol: 'tcp', address: address('192.168.100.14'), port: 30_090 } as const;
    const both = ['10.244.2.12:8080', '10.244.3.7:8080'];
    const [found] = findings({
      servers: [drained({ server, backend: backend('10.244.2.12:8080'), persistent: false })],
      desired: [[key, everyone(forwardTo(...both))]],
      observed: [[key, everyone(forwardTo('10.244.3.7:8080'))]],
    });
    expect([found?.subject, found?.explains]).toMatchObject([{ name: 'draining-local' }, [key]]);
  });

  it('and what is still converging, or in sync, is not told', () => {
    expect(findings({ servers: [drained()], desired: wanted, observed: wanted })).toEqual([]);
  });
});

describe('ipvs-drained-backend, a server that nobody wants', () => {
  const old = { backend: backend(gone), forSeconds: 3600, sinceFallSeconds: 1200 } as const;
  const told = (server: Partial<DrainedServer>, report: Partial<IpvsReport> = {}, other: ViewSketch = {}) =>
    findings({ servers: [drained({ ...old, ...server })], report, desired: wanted, observed: wanted, ...other });
  const alive = {
    objects: objects({ endpointSlices: [slice('shop/cart').port(6379, 'redis').unready('10.244.9.9').built] }),
  };

  it('whose pod is gone and whose connections no longer become fewer is told', () => {
    expect(told({ activeConnections: 2, persistent: false })).toMatchObject([
      {
        subject: { name: 'cart' },
        summary:
          '10.244.9.9:6379 of shop/cart:redis has weight 0 on node-d, is no endpoint any more and still has 2 connections; none has ended for 20 minutes.',
        remediation: [{ command: 'ipvsadm -d -t 10.96.109.4:6379 -r 10.244.9.9:6379' }, {}],
        frontends: [cart],
      },
    ]);
  });

  it('is normal while connections end, and for twenty minutes: graceful termination', () => {
    expect([
      told({ activeConnections: 2, sinceFallSeconds: 60 }),
      told({ activeConnections: 2, forSeconds: 0, sinceFallSeconds: 0 }),
      told({ activeConnections: 2, forSeconds: 1140, sinceFallSeconds: 1140 }, { expireQuiescentTemplate: 0 }),
    ]).toEqual([[], [], []]);
  });

  it('is normal as long as its pod runs: long connections to a pod that is not ready may last', () => {
    expect(told({ activeConnections: 2 }, {}, alive)).toEqual([]);
  });

  it('that clients are sent to by session affinity all the same is told with the setting', () => {
    const [found] = told({ activeConnections: 2 }, { expireQuiescentTemplate: 0 }, alive);
    expect(found?.remediation.map(({ command }) => command)).toEqual([
      'ipvsadm -d -t 10.96.109.4:6379 -r 10.244.9.9:6379',
      'sysctl -w net.ipv4.vs.expire_quiescent_template=1',
      expect.stringContaining('delete pod'),
    ]);
    expect(told({ activeConnections: 2, persistent: false }, { expireQuiescentTemplate: 0 }, alive)).toEqual([]);
  });

  it('that is kept for its clients is told however many of them come and go', () => {
    const busy = { activeConnections: 2, sinceFallSeconds: 0 };
    expect(told(busy, { expireQuiescentTemplate: 0 }, alive).map(({ summary }) => summary)).toEqual([
      '10.244.9.9:6379 of shop/cart:redis has weight 0 on node-d, is no endpoint any more and still has 2 connections; it has been so for 60 minutes, and the clients it has are kept.',
    ]);
    expect(told(busy, {}, alive)).toEqual([]);
  });

  it('that clients reach by using a port again is told with the setting', () => {
    const reused = { inactiveConnections: 40, persistent: false };
    const [found] = told(reused, { connReuseMode: 0 }, alive);
    expect(found?.remediation[1]?.command).toBe('sysctl -w net.ipv4.vs.conn_reuse_mode=1');
    expect(told({ ...reused, inactiveConnections: 0, activeConnections: 1 }, { connReuseMode: 0 }, alive)).toEqual([]);
  });

  it('without a connection is only not cleaned up', () => {
    expect(told({})).toMatchObject([
      { severity: 'low', summary: expect.stringContaining('is still not deleted; none has ended for 20 minutes') },
    ]);
  });

  it('of virtual servers that are not kube-proxy’s is nobody’s concern', () => {
    const strangers = drained({ ...old, server: { protocol: 'tcp', address: address('198.51.100.9'), port: 80 } });
    expect([
      findings({ servers: [strangers], desired: wanted, observed: wanted }),
      told({}, {}, { profile: { mode: { value: 'iptables', source: 'proxyMode' } } }),
    ]).toEqual([[], []]);
  });
});
