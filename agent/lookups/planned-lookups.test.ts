import { describe, expect, it } from 'vitest';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import type { DnsReport } from '../../proto/parts.ts';
import { address } from '../../test/builders.ts';
import { dnsReport, resolver } from '../../test/dns-node.ts';
import { everyone, forwardTo, rejected, type Row, table } from '../../test/view-builders.ts';
import { lookupNames, type LookupSetting, plannedLookups, serversOfNode } from './planned-lookups.ts';

const setting: LookupSetting = { externalName: null, upstreams: [] };
const withExternal: LookupSetting = { externalName: 'example.com', upstreams: [] };
const cache = address('169.254.20.10');
const { kubelet } = dnsReport();
const dnsTable = (...backends: readonly string[]): ForwardingTable =>
  table([
    ['udp 10.96.0.10:53', everyone(forwardTo(...backends))],
    ['tcp 10.96.0.10:53', everyone(forwardTo(...backends))],
  ]);

interface Sketch {
  readonly dns?: Partial<DnsReport>;
  readonly table?: ForwardingTable | null;
  readonly round?: number;
  readonly setting?: LookupSetting;
}

/** `service 10.96.0.10:53 udp cluster A`, in the order in which they are asked. */
function planned({
  dns = {},
  table: rules = dnsTable('10.244.1.4:53'),
  round = 0,
  setting: of = setting,
}: Sketch = {}) {
  return plannedLookups({ dns: dnsReport(dns), table: rules, round }, of).map(
    ({ by, server, port, protocol, name, question }) => `${by} ${server}:${port} ${protocol} ${name} ${question.type}`,
  );
}

/** `service 10.96.0.10:53` and so on, each once. */
function servers(sketch: Sketch): readonly string[] {
  return [...new Set(planned(sketch).map((text) => text.split(' ').slice(0, 2).join(' ')))];
}

const given = (...clusterDns: readonly string[]): Partial<DnsReport> => ({
  kubelet: kubelet === null ? null : { ...kubelet, clusterDns: clusterDns.map(address) },
});
const nodeLocal = (changes: Partial<NonNullable<DnsReport['nodeLocal']>> = {}) => ({
  nodeLocal: { addresses: [cache], link: 'nodelocaldns', linkIsUp: false, listens: null, ...changes },
});

describe('what is looked up', () => {
  it('is a name of the cluster by both protocols and one that is not there, of the Service and its replicas', () => {
    expect(planned()).toEqual([
      'service 10.96.0.10:53 udp cluster A',
      'service 10.96.0.10:53 tcp cluster A',
      'service 10.96.0.10:53 udp absent A',
      'backend 10.244.1.4:53 udp cluster A',
      'backend 10.244.1.4:53 tcp cluster A',
      'backend 10.244.1.4:53 udp absent A',
    ]);
  });

  it('is an outside name too where one is given, of these and of the servers above', () => {
    expect(planned({ setting: withExternal, table: null })).toEqual([
      'service 10.96.0.10:53 udp cluster A',
      'service 10.96.0.10:53 tcp cluster A',
      'service 10.96.0.10:53 udp absent A',
      'service 10.96.0.10:53 udp external A',
      'upstream 192.0.2.53:53 udp external A',
      'upstream 192.0.2.53:53 tcp external A',
    ]);
  });

  it('has the domain that the kubelet gives, and ends with a dot', () => {
    const corp = kubelet === null ? null : { ...kubelet, clusterDomain: 'corp.local' };
    expect(lookupNames(dnsReport({ kubelet: corp }), { ...setting, externalName: 'example.com.' })).toEqual({
      cluster: 'kubernetes.default.svc.corp.local.',
      external: 'example.com.',
      absent: 'plumbline-absent.default.svc.corp.local.',
    });
    expect(lookupNames(dnsReport({ kubelet: null }), setting).cluster).toBe('kubernetes.default.svc.cluster.local.');
  });

  it('is an address of IPv6 where the server has one', () => {
    expect(planned({ dns: given('fd00::a'), table: table([]) })).toEqual([
      'service fd00::a:53 udp cluster AAAA',
      'service fd00::a:53 tcp cluster AAAA',
      'service fd00::a:53 udp absent AAAA',
    ]);
  });
});

describe('who is asked', () => {
  it.each<readonly [string, Sketch, readonly string[]]>([
    ['nobody where the kubelet is not known', { dns: { kubelet: null } }, []],
    [
      'the Service alone where its rules reject',
      { table: table([['udp 10.96.0.10:53', everyone(rejected)]]) },
      ['service 10.96.0.10:53'],
    ],
    [
      'replicas at the port that the rules name',
      { table: dnsTable('10.244.1.4:5353') },
      ['service 10.96.0.10:53', 'backend 10.244.1.4:5353'],
    ],
    [
      'the cache on the node beside the Service',
      { dns: { ...given('169.254.20.10', '10.96.0.10'), ...nodeLocal() }, table: null },
      ['service 10.96.0.10:53', 'node-local 169.254.20.10:53'],
    ],
    [
      'the cache that the kubelet gives, and no link has',
      { dns: { ...given('169.254.20.10'), ...nodeLocal({ link: null }) }, table: null },
      ['node-local 169.254.20.10:53'],
    ],
    ['no cache that a pod alone names', { dns: nodeLocal({ link: null }), table: null }, ['service 10.96.0.10:53']],
    [
      'no link-local address of IPv6: it would take its link, too',
      { dns: nodeLocal({ addresses: [address('fe80::1')] }), table: null },
      ['service 10.96.0.10:53'],
    ],
    [
      'nobody that a pod names',
      {
        dns: {
          pods: { total: 1, first: [{ uid: 'u', settings: resolver({ nameservers: [address('10.96.0.66')] }) }] },
        },
        table: table([['udp 10.96.0.66:53', everyone(forwardTo('10.0.0.1:6443'))]]),
      },
      ['service 10.96.0.10:53'],
    ],
    [
      'no replica on loopback, on a link or of many',
      { table: dnsTable('127.0.0.1:53', '169.254.169.254:80', '224.0.0.1:53', '0.0.0.0:53', '10.244.1.4:53') },
      ['service 10.96.0.10:53', 'backend 10.244.1.4:53'],
    ],
  ])('%s', (_, sketch, asked) => {
    expect(servers(sketch)).toEqual(asked);
  });

  it("are the servers that CoreDNS is given: the kubelet's file, else the node's, and what the setting names first", () => {
    const upstream = resolver({ nameservers: [address('10.0.0.2')], search: [] });
    const above = (dns: Partial<DnsReport>, upstreams: readonly string[] = []) =>
      servers({ dns, table: null, setting: { externalName: 'example.com', upstreams: upstreams.map(address) } }).filter(
        (text) => text.startsWith('upstream'),
      );
    expect(above({ kubelet: kubelet === null ? null : { ...kubelet, upstream } })).toEqual(['upstream 10.0.0.2:53']);
    expect(above({})).toEqual(['upstream 192.0.2.53:53']);
    expect(above({}, ['10.0.0.9', '127.0.0.1'])).toEqual(['upstream 10.0.0.9:53', 'upstream 192.0.2.53:53']);
    // Never the Service itself, which would be a loop, and a stub on loopback is the node's own way.
    const node = {
      file: '/etc/resolv.conf',
      settings: resolver({ nameservers: [address('10.96.0.10'), address('127.0.0.53')] }),
    };
    expect(above({ node })).toEqual(['upstream 127.0.0.53:53']);
    // Of a router on the link (fe80::1%eth0) nobody knows the link here: connecting would fail, and blame the server.
    const onLink = resolver({ nameservers: [address('fe80::1'), address('169.254.169.253')] });
    expect(above({ node: { file: '/etc/resolv.conf', settings: onLink } }, ['fe80::2'])).toEqual([
      'upstream 169.254.169.253:53',
    ]);
  });

  it('are four of many replicas at a time, all in turn', () => {
    const many = dnsTable(...Array.from({ length: 10 }, (_, number) => `10.244.1.${number + 10}:53`));
    const backends = (round: number) =>
      servers({ table: many, round }).flatMap((text) =>
        text.startsWith('backend') ? [text.slice('backend '.length)] : [],
      );
    expect(backends(0)).toEqual(['10.244.1.10:53', '10.244.1.11:53', '10.244.1.12:53', '10.244.1.13:53']);
    expect(backends(2)).toEqual(['10.244.1.18:53', '10.244.1.19:53', '10.244.1.10:53', '10.244.1.11:53']);
    expect(new Set([0, 1, 2].flatMap(backends)).size).toBe(10);
  });

  it('are the same four three times where they are too many to come round before they are forgotten', () => {
    const many = dnsTable(...Array.from({ length: 41 }, (_, number) => `10.244.1.${number + 100}:53`));
    const first = (round: number) => servers({ table: many, round }).find((text) => text.startsWith('backend'));
    expect([0, 2, 3, 5, 6].map(first)).toEqual([
      'backend 10.244.1.100:53',
      'backend 10.244.1.100:53',
      'backend 10.244.1.104:53',
      'backend 10.244.1.104:53',
      'backend 10.244.1.108:53',
    ]);
  });

  it('is known of all that may be asked, also of replicas whose turn it is not', () => {
    const rows: readonly Row[] = [
      ['udp 10.96.0.10:53', everyone(forwardTo(...[1, 2, 3, 4, 5, 6].map((number) => `10.244.1.${number}:53`)))],
    ];
    expect(serversOfNode({ dns: dnsReport(nodeLocal()), table: table(rows), round: 0 }, setting)).toEqual(
      new Set([
        '10.96.0.10 53',
        '169.254.20.10 53',
        '192.0.2.53 53',
        ...[1, 2, 3, 4, 5, 6].map((number) => `10.244.1.${number} 53`),
      ]),
    );
  });
});
