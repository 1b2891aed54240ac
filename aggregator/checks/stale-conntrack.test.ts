import { describe, expect, it } from 'vitest';
import type { ConntrackReport, UdpFlow } from '../../proto/parts.ts';
import { address, service, slice } from '../../test/builders.ts';
import {
  backend,
  dropped,
  everyone,
  excerpt,
  forwardTo,
  frontend,
  nodeView,
  objects,
  rejected,
  reported,
  structure,
  untaken,
  type ViewSketch,
} from '../../test/view-builders.ts';
import { staleConntrack } from './stale-conntrack.ts';

const dns = 'udp 10.96.0.10:53';
const dnsService = service('kube-system/kube-dns').clusterIP('10.96.0.10').port(53, 'dns', 'udp').port(53, 'dns-tcp');
const dnsSlice = slice('kube-system/kube-dns').port(5353, 'dns', 'udp').ready('10.244.1.5').ready('10.244.2.5');

function flow(destination: string, backendText: string, other: Partial<UdpFlow> = {}): UdpFlow {
  const [to, via] = [destination, backendText].map((text) => backend(text));
  if (to === undefined || via === undefined) throw new Error('a flow has two ends');
  const port = (text: string) => Number(text.slice(text.lastIndexOf(':') + 1));
  const host = (text: string) => address(text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
  return {
    family: destination.startsWith('[') ? 'ipv6' : 'ipv4',
    destination: host(to),
    port: port(to),
    backend: host(via),
    backendPort: port(via),
    flows: 1,
    unreplied: 0,
    ...other,
  };
}

function conntrack(udp: readonly UdpFlow[] | null, other: Partial<ConntrackReport> = {}) {
  return reported<ConntrackReport>({
    count: 500,
    max: 262_144,
    drop: null,
    earlyDrop: null,
    insertFailed: null,
    udp: udp === null ? null : { total: udp.length, first: udp },
    udpUnreadBecause: null,
    ...other,
  });
}

/** What the check says of a node in sync whose DNS works, and which has these flows. */
function evaluate(flows: readonly UdpFlow[], sketch: ViewSketch = {}) {
  const rows = [[dns, everyone(forwardTo('10.244.1.5:5353', '10.244.2.5:5353'))]] as const;
  return staleConntrack.evaluate(
    nodeView({
      desired: rows,
      observed: rows,
      owners: { [dns]: 'kube-system/kube-dns:dns' },
      objects: objects({ services: [dnsService.built], endpointSlices: [dnsSlice.built] }),
      ...sketch,
      parts: { conntrack: conntrack(flows), ...sketch.parts },
    }),
  );
}

const summaries = (violations: ReturnType<typeof evaluate>) => violations.map(({ summary }) => summary);

describe('stale-conntrack', () => {
  it('names the Service, the dead backend, and the command that deletes its flows', () => {
    const flows = [
      flow('10.96.0.10:53', '10.244.3.9:5353', { flows: 3, unreplied: 2 }),
      flow('10.96.0.10:53', '10.244.1.5:5353', { flows: 40 }),
    ];
    expect(evaluate(flows)).toEqual([
      {
        subject: { kind: 'Service', namespace: 'kube-system', name: 'kube-dns', port: 'dns', protocol: 'udp' },
        summary:
          'node-a still sends 3 UDP flows of kube-system/kube-dns:dns/udp to 10.244.3.9, where no endpoint of it serves (2 of them never answered).',
        evidence: [
          { kind: 'backend', frontend: frontend(dns), backend: '10.244.3.9:5353', state: 'stale' },
          { kind: 'fact', name: 'udp 10.96.0.10:53 -> 10.244.3.9:5353', value: '3 flows, 2 never answered' },
          { kind: 'fact', name: 'serving endpoints', value: '10.244.1.5 and 10.244.2.5' },
        ],
        remediation: [
          {
            command: 'conntrack -D -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.244.3.9',
            effect:
              'Run on node-a: deletes these entries only. The next packet of each client is translated anew, to an endpoint that serves.',
          },
        ],
        frontends: [frontend(dns)],
        explains: [frontend(dns)],
      },
    ]);
  });

  it('is one finding for all dead backends of a Service port', () => {
    const violations = evaluate(['10.244.3.9', '10.244.3.8'].map((dead) => flow('10.96.0.10:53', `${dead}:5353`)));
    expect(summaries(violations)).toEqual([
      'node-a still sends 2 UDP flows of kube-system/kube-dns:dns/udp to 10.244.3.8 and 10.244.3.9, where no endpoint of it serves.',
    ]);
    expect(violations.flatMap(({ remediation }) => remediation.map(({ command }) => command))).toEqual([
      'conntrack -D -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.244.3.8',
      'conntrack -D -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.244.3.9',
    ]);
  });

  it('is found of IPv6, by its own endpoints', () => {
    const dns6 = 'udp [fd00:10:96::a]:53';
    const rows = [[dns6, everyone(forwardTo('[fd00:10:244:1::5]:5353'))]] as const;
    const slice6 = slice('kube-system/kube-dns').named('kube-dns-6').port(5353, 'dns', 'udp').ready('fd00:10:244:1::5');
    const dual = dnsService.having({ clusterIPs: { ipv4: address('10.96.0.10'), ipv6: address('fd00:10:96::a') } });
    const violations = evaluate([flow('[fd00:10:96::a]:53', '[fd00:10:244:3::9]:5353')], {
      desired: rows,
      observed: rows,
      owners: { [dns6]: 'kube-system/kube-dns:dns' },
      objects: objects({ services: [dual.built], endpointSlices: [dnsSlice.built, slice6.built] }),
    });
    expect(violations.flatMap(({ remediation }) => remediation.map(({ command }) => command))).toEqual([
      'conntrack -D -f ipv6 -p udp --orig-dst fd00:10:96::a --orig-port-dst 53 --reply-src fd00:10:244:3::9',
    ]);
  });

  it('a flow that was begun before there were rules is not translated to this day', () => {
    const violations = evaluate([flow('10.96.0.10:53', '10.96.0.10:53', { unreplied: 1 })]);
    expect(summaries(violations)).toEqual([
      'node-a keeps 1 UDP flow of kube-system/kube-dns:dns/udp untranslated (1 of them never answered): begun before there were rules for it.',
    ]);
    expect(violations[0]?.remediation[0]?.command).toBe(
      'conntrack -D -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.96.0.10',
    );
  });

  it('is less urgent where no endpoint of the Service serves: nobody would answer anyway', () => {
    const none = { desired: [[dns, everyone(rejected)]], observed: [[dns, everyone(rejected)]] } as const;
    const unready = slice('kube-system/kube-dns').port(5353, 'dns', 'udp').unready('10.244.3.9');
    const objectsOf = objects({ services: [dnsService.built], endpointSlices: [unready.built] });
    const violations = evaluate([flow('10.96.0.10:53', '10.244.3.9:5353')], { ...none, objects: objectsOf });
    expect(violations.map(({ severity, summary }) => [severity, summary])).toEqual([
      [
        'medium',
        'node-a still sends 1 UDP flow of kube-system/kube-dns:dns/udp to 10.244.3.9, where no endpoint of it serves. No endpoint of it serves at all, so nobody would answer anyway.',
      ],
    ]);
  });

  describe('node ports', () => {
    const port = 'udp node4:30053';
    const rows = [[port, everyone(forwardTo('10.244.1.5:5353'))]] as const;
    const sketch = (nodePortAddresses: 'all' | 'primary'): ViewSketch => ({
      desired: rows,
      observed: rows,
      owners: { [port]: 'kube-system/kube-dns:dns' },
      profile: {
        localAddresses: { value: ['127.0.0.1', '192.168.100.11'].map(address), source: 'addresses' },
        nodePortAddresses: { value: nodePortAddresses, source: 'configz' },
      },
    });

    it('are found at the address by which the client came', () => {
      const violations = evaluate([flow('192.168.100.11:30053', '10.244.3.9:5353')], sketch('primary'));
      expect(violations[0]?.remediation[0]?.command).toBe(
        'conntrack -D -p udp --orig-dst 192.168.100.11 --orig-port-dst 30053 --reply-src 10.244.3.9',
      );
    });

    it('of other nodes and of foreign hosts are none of ours', () => {
      expect(evaluate([flow('192.0.2.7:30053', '10.244.3.9:5353')], sketch('all'))).toEqual([]);
    });

    it('untranslated are wrong only where the address has node ports', () => {
      const own = flow('192.168.100.11:30053', '192.168.100.11:30053');
      expect(evaluate([own], sketch('all'))).toHaveLength(1);
      expect(evaluate([own], sketch('primary'))).toEqual([]);
      expect(evaluate([flow('127.0.0.1:30053', '127.0.0.1:30053')], sketch('all'))).toEqual([]);
    });
  });
});

describe('not stale', () => {
  it('are flows to an endpoint that is going away and still serves: kube-proxy keeps them on purpose', () => {
    const draining = dnsSlice.terminating('10.244.3.9');
    const known = objects({ services: [dnsService.built], endpointSlices: [draining.built] });
    expect(evaluate([flow('10.96.0.10:53', '10.244.3.9:5353')], { objects: known })).toEqual([]);
    const gone = dnsSlice.unready('10.244.3.9');
    const now = objects({ services: [dnsService.built], endpointSlices: [gone.built] });
    expect(evaluate([flow('10.96.0.10:53', '10.244.3.9:5353')], { objects: now })).toHaveLength(1);
  });

  it('are flows of a listing taken before their backend went: a long rollout has some in each', () => {
    const dead = (lasting: boolean) => flow('10.96.0.10:53', '10.244.3.9:5353', { lasting });
    expect(evaluate([dead(false)])).toEqual([]);
    expect(evaluate([dead(true)])).toHaveLength(1);
  });

  it('are flows to an endpoint that is listed as ready though it is not (publishNotReadyAddresses)', () => {
    const { built } = dnsSlice;
    const [first] = built.endpoints;
    if (first === undefined) throw new Error('the slice has endpoints');
    const published = { ...first, address: address('10.244.3.9'), serving: false };
    const known = { services: [dnsService.built], endpointSlices: [{ ...built, endpoints: [first, published] }] };
    expect(evaluate([flow('10.96.0.10:53', '10.244.3.9:5353')], { objects: objects(known) })).toEqual([]);
  });

  it.each([
    ['another port of the address', flow('10.96.0.10:54', '10.244.3.9:5353')],
    ['an address that is no Service', flow('192.0.2.53:53', '192.0.2.53:53')],
    ['a host port of a pod', flow('192.168.100.11:53', '10.244.1.20:53')],
  ])('are flows to %s', (_, one) => {
    expect(evaluate([one])).toEqual([]);
  });

  it('are flows to a backend that the rules still use: the rules are wrong then', () => {
    const observed = [[dns, everyone(forwardTo('10.244.1.5:5353', '10.244.3.9:5353'))]] as const;
    expect(evaluate([flow('10.96.0.10:53', '10.244.3.9:5353')], { observed })).toEqual([]);
  });

  it('are flows by a host port where a Service has the same address and port', () => {
    const hostPorts = excerpt({
      protocol: 'udp' as const,
      port: 53,
      address: null,
      backend: backend('10.244.1.20:53'),
    });
    const one = flow('10.96.0.10:53', '10.244.1.20:53');
    expect(evaluate([one], { structures: [structure({ hostPorts })] })).toEqual([]);
    expect(evaluate([one])).toHaveLength(1);
  });

  it('are untranslated flows that no rule has to take', () => {
    const own = flow('10.96.0.10:53', '10.96.0.10:53');
    const some = { pod: forwardTo('10.244.1.5:5353'), node: untaken, outside: dropped };
    expect(evaluate([own], { desired: [[dns, some]], observed: [[dns, some]] })).toEqual([]);
    expect(evaluate([own], { profile: { mode: { value: 'ipvs', source: 'proxyMode' } } })).toEqual([]);
  });

  it('can be told where the frontend cannot be read, or the Service is deleted', () => {
    const dead = flow('10.96.0.10:53', '10.244.3.9:5353');
    const unreadable = everyone({ route: { action: 'unknown', reason: 'set-not-read' }, dress: null });
    expect(evaluate([dead], { observed: [[dns, unreadable]] })).toEqual([]);
    expect(evaluate([dead], { objects: objects() })).toEqual([]);
  });
});
