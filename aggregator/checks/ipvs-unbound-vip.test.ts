import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import {
  everyone,
  excerpt,
  forwardTo,
  nodeView,
  rejected,
  reported,
  type Row,
  untaken,
  type ViewSketch,
} from '../../test/view-builders.ts';
import type { Forwarding } from '../../proto/forwarding.ts';
import type { IpvsReport, VirtualServer } from '../../proto/parts.ts';
import { ipvsUnboundVip } from './ipvs-unbound-vip.ts';

// batch/worker-lb and its address are those of the recording s6d-ipvs-damage, node-d.
const lb = 'tcp 10.96.215.204:80';
const owners = { [lb]: 'batch/worker-lb:http' };

function server(text: string): VirtualServer {
  return { protocol: 'tcp', address: address(text), port: 80 };
}

interface Sketch extends ViewSketch {
  readonly report: Partial<IpvsReport>;
  readonly links?: readonly string[];
}

function findings({ report, links = ['lo', 'eth0', 'kube-ipvs0'], ...sketch }: Sketch) {
  const ipvs: IpvsReport = {
    virtualServers: 63,
    realServers: 115,
    drained: excerpt(),
    unboundServers: excerpt(),
    idleAddresses: excerpt(),
    connReuseMode: 1,
    expireQuiescentTemplate: 1,
    ...report,
  };
  const profile = { mode: { value: 'ipvs', source: 'proxyMode' }, ...sketch.profile } as const;
  const parts = { ipvs: reported(ipvs), addresses: reported({ addresses: [], links }) };
  return ipvsUnboundVip.evaluate(nodeView({ name: 'node-d', owners, ...sketch, profile, parts }));
}

const wanted: readonly Row[] = [[lb, everyone(rejected)]];
const nodeOnly: Forwarding = { pod: untaken, node: rejected, outside: untaken };
const routedAway: readonly Row[] = [[lb, nodeOnly]];

describe('ipvs-unbound-vip', () => {
  it('an address that is on no link: its Service, the command that binds it, and what it explains', () => {
    const report = { unboundServers: excerpt(server('10.96.215.204')) };
    expect(findings({ report, desired: wanted, observed: routedAway })).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'batch', name: 'worker-lb', port: 'http' },
        summary:
          '10.96.215.204 of batch/worker-lb:http is on no link of node-d: packets of pods and outside clients are routed away instead of reaching the virtual server.',
        remediation: [{ command: 'ip addr add 10.96.215.204/32 dev kube-ipvs0' }, {}],
        frontends: [lb],
        explains: [lb],
      },
    ]);
  });

  it('a virtual server that no Service asks for is told as stale, not here', () => {
    const report = { unboundServers: excerpt(server('10.96.250.250')) };
    const ghost: Row = ['tcp 10.96.250.250:80', { pod: untaken, node: forwardTo('10.244.9.9:80'), outside: untaken }];
    expect(findings({ report, desired: wanted, observed: [...wanted, ghost] })).toEqual([]);
  });

  it('what is converging is not told: the next reading may have it bound', () => {
    const report = { unboundServers: excerpt(server('10.96.215.204')) };
    expect(findings({ report, desired: wanted, observed: wanted })).toEqual([]);
  });

  it('the whole link is gone: one finding of the node', () => {
    const report = { unboundServers: { total: 62, first: [server('10.96.215.204')] } };
    expect(findings({ report, links: ['lo', 'eth0'], desired: wanted, observed: routedAway })).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-d' },
        severity: 'critical',
        summary:
          'The link kube-ipvs0 is gone from node-d: 62 virtual servers get no packets from pods and outside clients.',
        explains: [lb],
      },
    ]);
  });

  it('an address whose virtual server is gone: its Service', () => {
    const report = { idleAddresses: excerpt(address('10.96.215.204')) };
    expect(findings({ report, desired: wanted, observed: [] })).toMatchObject([
      {
        subject: { kind: 'Service', name: 'worker-lb' },
        summary:
          '10.96.215.204 of batch/worker-lb:http is on kube-ipvs0 of node-d and no virtual server has it: the node itself answers, and refuses.',
        explains: [lb],
      },
    ]);
  });

  it('an address that nobody has any more: the node swallows what is sent to it', () => {
    const report = { idleAddresses: excerpt(address('203.0.113.77'), address('fd00:10:96::77')) };
    expect(findings({ report, desired: wanted, observed: wanted })).toMatchObject([
      {
        subject: { kind: 'Rule', name: '203.0.113.77 on kube-ipvs0' },
        severity: 'medium',
        remediation: [{ command: 'ip addr del 203.0.113.77/32 dev kube-ipvs0' }, {}],
        frontends: [],
      },
      { remediation: [{ command: 'ip addr del fd00:10:96::77/128 dev kube-ipvs0' }, {}] },
    ]);
  });

  it('says nothing of a node in another mode', () => {
    const report = {
      unboundServers: excerpt(server('10.96.215.204')),
      idleAddresses: excerpt(address('203.0.113.77')),
    };
    const profile = { mode: { value: 'iptables', source: 'proxyMode' } } as const;
    expect(findings({ report, profile, desired: wanted, observed: routedAway })).toEqual([]);
  });
});
