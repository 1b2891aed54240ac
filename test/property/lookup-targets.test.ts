/**
 * Tenants write the resolver settings of their pods, Services and EndpointSlices: whatever they write, a node asks no other
 * server for names than its kubelet's, those that its own rules send that one's packets to, the cache on it, and the
 * servers above; and of these none on loopback but its own stub, and none on a link but the cache.
 */
import { describe, expect, it } from 'vitest';
import { plannedLookups, type LookupSetting } from '../../agent/lookups/planned-lookups.ts';
import { randomFrom } from '../../agent/node-iptables-parse/random.ts';
import { type Address, familyOf } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { DnsReport } from '../../proto/parts.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { address, prefix } from '../builders.ts';
import { dnsReport, resolver } from '../dns-node.ts';
import { everyone, forwardTo, type Row, table } from '../view-builders.ts';

const worlds = 5_000;
const dnsService = address('10.96.0.10');
const cache = address('169.254.20.10');
const [given, above] = [
  [dnsService, address('fd00:96::a')],
  [address('192.0.2.53'), address('127.0.0.53')],
];
/** What a tenant may name, of Services of his own and of what he must not reach. */
const named = [
  ...['169.254.169.254', '169.254.20.10', 'fe80::1', '127.0.0.1', '127.0.0.53', '::1', '0.0.0.0', '::', '224.0.0.251'],
  ...['255.255.255.255', 'ff02::fb', '10.0.0.1', '192.168.100.1', '8.8.8.8', '10.96.0.66', 'fd00:96::42', '10.244.1.9'],
].map(address);
const never = prefixSet(
  ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/127', 'fe80::/10', 'ff00::/8'].map(prefix),
);

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const some = <T>(random: Random, most: number, make: () => T): readonly T[] =>
  Array.from({ length: Math.floor(random() * (most + 1)) }, make);

/** A backend at any address and port, as a hand-made slice brings it into the rules. */
function anyBackend(random: Random): string {
  const at = pick(random, named);
  const port = pick(random, [53, 80, 443, 6443, 10250, 2379]);
  return familyOf(at) === 'ipv6' ? `[${at}]:${port}` : `${at}:${port}`;
}

/** The rules: some address of port 53 leads anywhere, the one that the kubelet gives among them. */
function anyRows(random: Random): readonly Row[] {
  const fronts = [...given, ...some(random, 6, () => pick(random, named))];
  return [...new Set(fronts)].flatMap((at) =>
    (['udp', 'tcp'] as const).map((protocol): Row => {
      const backends = some(random, 6, () => anyBackend(random)).filter(
        (one) => one.startsWith('[') === at.includes(':'),
      );
      return [
        frontendKey({ family: familyOf(at), protocol, address: at, port: 53 }),
        everyone(forwardTo(...new Set(backends))),
      ];
    }),
  );
}

function anyReport(random: Random): DnsReport {
  const { kubelet } = dnsReport();
  const settings = () => resolver({ nameservers: some(random, 3, () => pick(random, named)) });
  const pods = some(random, 20, () => ({ uid: `uid-${random()}`, settings: settings() }));
  const link = pick(random, ['nodelocaldns', null]);
  return dnsReport({
    node: { file: '/etc/resolv.conf', settings: resolver({ nameservers: above }) },
    kubelet: random() < 0.1 || kubelet === null ? null : { ...kubelet, clusterDns: given },
    pods: { total: pods.length, first: pods },
    nodeLocal: random() < 0.5 ? null : { addresses: [cache], link, linkIsUp: false, listens: null },
  });
}

describe('lookups of a node', () => {
  it(`go nowhere else in ${worlds} worlds of tenants`, () => {
    const random = randomFrom(20_261_123);
    const setting: LookupSetting = { externalName: 'example.com', upstreams: [] };
    const wrong = new Set<string>();
    const seen = new Set<string>();
    for (let round = 0; round < worlds; round++) {
      const dns = anyReport(random);
      const rows = anyRows(random);
      const planned = plannedLookups({ dns, table: table(rows), round }, setting);
      const behind = new Set(
        rows.flatMap(([key, { node }]) =>
          given.some((at) => key.includes(` ${at}:53`) || key.includes(`[${at}]:53`)) && node.route.action === 'forward'
            ? node.route.backends
            : [],
        ),
      );
      for (const { by, server, port } of planned) {
        seen.add(by);
        const place = server.includes(':') ? `[${server}]:${port}` : `${server}:${port}`;
        if (!isLawful({ by, server, place }, { dns, behind })) wrong.add(`${by} ${place}`);
      }
      if (
        new Set(planned.filter(({ by }) => by === 'backend').map(({ server, port }) => `${server} ${port}`)).size > 4
      ) {
        wrong.add('more than four replicas in a round');
      }
    }
    expect([...wrong]).toEqual([]);
    expect([...seen].sort()).toEqual(['backend', 'node-local', 'service', 'upstream']);
  });
});

interface Asked {
  readonly by: 'service' | 'backend' | 'node-local' | 'upstream';
  readonly server: Address;
  readonly place: string;
}

interface World {
  readonly dns: DnsReport;
  /** What the rules send the kubelet's own addresses to. */
  readonly behind: ReadonlySet<string>;
}

function isLawful({ by, server, place }: Asked, { dns, behind }: World): boolean {
  switch (by) {
    case 'service':
      return dns.kubelet !== null && given.includes(server);
    case 'backend':
      return dns.kubelet !== null && behind.has(place) && !contains(never, server);
    case 'node-local':
      return server === cache && dns.nodeLocal?.link !== null;
    case 'upstream':
      return above.includes(server);
  }
}
