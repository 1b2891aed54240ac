/** Whatever the rules are: what the tracer claims of a frontend is what becomes of every single packet. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Address } from '../../proto/address.ts';
import { type Fate, type FrontendKey, type Origin, origins, wholeShare } from '../../proto/forwarding.ts';
import { originSources } from '../../proto/origin-sources.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { address, prefixDetector } from '../../test/builders.ts';
import { linesOf, outcomesOf, type PlainPacket, type PlainRules } from '../../test/plain-rules.ts';
import { randomRules } from '../../test/random-rules.ts';
import { trace } from '../../test/rules-text.ts';

const seed = 20_261_122;
const detector = prefixDetector('10.244.0.0/16');
const local = ['127.0.0.1', '192.168.100.11'];
const nodeAddress = address('192.168.100.11');
const clusterIP = address('10.96.0.1');
const nothing: Fate = { route: { action: 'none' }, dress: null };

/** Pods of this node and of others, endpoints, the node, its neighbour, the world, the service itself. */
const senders = [
  '10.244.1.2',
  '10.244.1.77',
  '10.244.2.2',
  '10.244.9.9',
  '192.168.100.11',
  '192.168.100.12',
  '8.1.1.1',
  '200.1.1.1',
  '10.96.0.1',
];

const frontends = [
  { key: 'tcp 10.96.0.1:80' as FrontendKey, named: clusterIP, to: clusterIP },
  { key: 'tcp node4:80' as FrontendKey, named: 'node', to: nodeAddress },
] as const;

function packetsOf(origin: Origin, named: Address | 'node', to: Address): readonly PlainPacket[] {
  const place = { family: 'ipv4', localDetector: detector, localAddresses: local.map(address) } as const;
  const sources = originSources(place, named)[origin];
  const ways = origin === 'node' ? [null] : ['eth0', 'cni0'];
  return senders
    .map(address)
    .filter((from) => contains(sources, from))
    .flatMap((from) =>
      ways.flatMap((link) =>
        [[], ['a'], ['b'], ['a', 'b']].map((sets) => ({
          from,
          to,
          port: 80,
          made: link === null,
          interface: link,
          toNode: to === nodeAddress,
          sets,
        })),
      ),
    );
}

/** What a fate promises of one packet, or null where what really becomes of it keeps the promise. */
function brokenPromise(
  { route, dress }: Fate,
  { from }: PlainPacket,
  real: ReadonlyMap<string, number>,
): string | null {
  if (route.action === 'unknown') return null;
  const only = (ending: string): string | null => (near(real.get(ending) ?? 0, 1) ? null : `all ${ending}`);
  if (route.action !== 'forward') return only(route.action);
  if (route.sources !== 'any' && !contains(prefixSet(route.sources), from)) return only(route.otherwise);
  const { backends } = route;
  const shares = dress?.shares ?? 'even';
  let lost = 1;
  for (const [index, backend] of backends.entries()) {
    const [masqueraded, plain] = ['masqueraded', 'plain'].map((how) => real.get(`${backend} ${how}`) ?? 0);
    const sent = (masqueraded ?? 0) + (plain ?? 0);
    const share = shares === 'even' ? 1 / backends.length : (shares.parts[index] ?? 0) / wholeShare;
    lost -= sent;
    if (!near(sent, share)) return `${backend} ${share}`;
    const promised = promisedMasquerade({ route, dress }, backend, from);
    if (promised === 'always' && masqueraded === 0) return `${backend} masqueraded`;
    if (promised === 'never' && plain === 0) return `${backend} with its source`;
  }
  return near(lost, shares === 'even' ? 0 : shares.lost / wholeShare) ? null : `${lost} lost`;
}

/** Null where it depends on the backend, or on chance. */
function promisedMasquerade({ dress }: Fate, backend: string, from: Address): 'always' | 'never' | null {
  if (dress === null) return null;
  const { masquerade, hairpin } = dress;
  if (backend.startsWith(`${from}:`)) return hairpin === 'all' ? 'always' : hairpin === 'none' ? 'never' : null;
  if (masquerade === 'always' || masquerade === 'never') return masquerade;
  if (masquerade === 'notLocal') throw new Error('this reader tells the origins apart');
  return contains(prefixSet(masquerade.some), from) ? null : 'never';
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) < 1e-6;
}

interface Judged {
  readonly broken: readonly string[];
  readonly known: number;
  readonly unknown: number;
}

function judge(rules: PlainRules, links: readonly string[] | null): Judged {
  const { table } = trace(linesOf(rules), { localAddresses: local, ...(links === null ? {} : { links }) });
  const broken: string[] = [];
  let known = 0;
  let unknown = 0;
  for (const { key, named, to } of frontends) {
    for (const origin of origins) {
      const fate = table.get(key)?.forwarding[origin] ?? nothing;
      if (fate.route.action === 'unknown') unknown++;
      else known++;
      for (const packet of fate.route.action === 'unknown' ? [] : packetsOf(origin, named, to)) {
        const real = outcomesOf(rules, packet);
        const promise = brokenPromise(fate, packet, real);
        if (promise !== null)
          broken.push(`${key} ${JSON.stringify(packet)}: ${promise}, but ${JSON.stringify([...real])}`);
      }
    }
  }
  return { broken, known, unknown };
}

describe('random rules', () => {
  it.each([
    ['on a node with known links', ['lo', 'eth0', 'cni0']],
    ['on a node with links not known', null],
  ] as const)('%s: no promise is broken, and most of it is known', (_, links) => {
    const counted = { known: 0, unknown: 0 };
    fc.assert(
      fc.property(randomRules, (rules) => {
        const { broken, known, unknown } = judge(rules, links);
        counted.known += known;
        counted.unknown += unknown;
        expect(broken).toEqual([]);
      }),
      { seed, numRuns: 250 },
    );
    expect(counted.known).toBeGreaterThan(counted.unknown);
  });
});
