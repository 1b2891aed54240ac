/** Random entries of tables with every kind of fate, several of them in one leaf. */
import fc from 'fast-check';
import type { Backend, Prefix } from '../../proto/address.ts';
import { leafIndexOf } from '../../proto/bucket-tree.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { Dress, Entry, Fate, Forwarding, Frontend, FrontendKey, Route } from '../../proto/forwarding.ts';
import { wholeShare } from '../../proto/forwarding.ts';
import { prefixSet, toPrefixes } from '../../proto/prefixes.ts';
import { address } from '../builders.ts';

const leafOfAll = 7;

/** Frontends of one leaf: some of each family, protocol and kind. */
const frontends: readonly Frontend[] = [...candidates()].filter(
  (frontend) => leafIndexOf(frontendKey(frontend)) === leafOfAll,
);

function* candidates(): Generator<Frontend> {
  for (const protocol of ['tcp', 'udp', 'sctp'] as const) {
    for (let number = 1; number <= 3_000; number++) {
      yield { family: 'ipv4', protocol, address: address(`10.96.${number >> 8}.${number & 255}`), port: 80 + number };
      yield { family: 'ipv6', protocol, address: address(`fd00:96::${number.toString(16)}`), port: 443 };
      yield { family: number % 2 === 0 ? 'ipv4' : 'ipv6', protocol, address: 'node', port: 30_000 + (number >> 1) };
    }
  }
}

const backend = fc
  .tuple(fc.boolean(), fc.nat(60), fc.constantFrom(80, 8080, 65535))
  .map(([six, host, port]) => (six ? `[fd00:244::${host + 1}]:${port}` : `10.244.1.${host + 1}:${port}`) as Backend);
const prefixes = fc
  .uniqueArray(fc.constantFrom('10.0.0.0/8', '192.0.2.0/25', '192.0.2.128/25', 'fd00:100::/64', '2001:db8::/32'), {
    minLength: 1,
  })
  .map((texts): readonly Prefix[] => toPrefixes(prefixSet(texts as Prefix[])));

const dress = (backends: number): fc.Arbitrary<Dress> =>
  fc.record({
    shares: fc.oneof(
      fc.constant('even' as const),
      fc.record({
        parts: fc.array(fc.nat(wholeShare), { minLength: backends, maxLength: backends }),
        lost: fc.nat(wholeShare),
      }),
    ),
    masquerade: fc.oneof(fc.constantFrom('never', 'notLocal', 'always'), fc.record({ some: prefixes })),
    hairpin: fc.constantFrom('all', 'some', 'none'),
  });

const affinity = fc.oneof(fc.constantFrom(0, 10_800, 'partial' as const), fc.nat(86_400));

const forwarded: fc.Arbitrary<Fate> = fc
  .record({
    backends: fc.uniqueArray(backend, { minLength: 1, maxLength: 6 }),
    affinitySeconds: affinity,
    sources: fc.oneof(fc.constant('any' as const), prefixes),
    otherwise: fc.constantFrom('reject' as const, 'drop' as const, 'none' as const),
  })
  .chain(({ backends, sources, otherwise, affinitySeconds }) => {
    const route: Route = {
      action: 'forward',
      backends: backends.sort(),
      affinitySeconds,
      sources,
      otherwise: sources === 'any' ? 'drop' : otherwise,
    };
    return dress(backends.length).map((worn) => ({ route, dress: worn }));
  });

const unforwarded: fc.Arbitrary<Fate> = fc
  .constantFrom<Route>(
    { action: 'reject' },
    { action: 'drop' },
    { action: 'none' },
    { action: 'unknown', reason: 'unreadable-match' },
    { action: 'unknown', reason: 'untracked' },
    { action: 'unknown', reason: 'node-addresses-unknown' },
  )
  .map((route) => ({ route, dress: null }));

const fate = fc.oneof({ arbitrary: forwarded, weight: 3 }, { arbitrary: unforwarded, weight: 1 });

const forwarding: fc.Arbitrary<Forwarding> = fc.oneof(
  fate.map((one) => ({ pod: one, node: one, outside: one })),
  fc.record({ pod: fate, node: fate, outside: fate }),
);

/** The entries of one leaf, none at least and twelve at most. */
export const randomEntries: fc.Arbitrary<ReadonlyMap<FrontendKey, Entry>> = fc
  .uniqueArray(
    fc.nat(frontends.length - 1).chain((at) => forwarding.map((one) => ({ at, one }))),
    { maxLength: 12, selector: ({ at }) => at },
  )
  .map((chosen) => {
    const entries = new Map<FrontendKey, Entry>();
    for (const { at, one } of chosen) {
      const frontend = frontends[at];
      if (frontend !== undefined) entries.set(frontendKey(frontend), { frontend, forwarding: one });
    }
    return entries;
  });

/** One hostile edit of bytes: a flip, a cut, a repetition, or bytes put in. */
export const randomEdit: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc
  .record({
    kind: fc.constantFrom('flip', 'cut', 'repeat', 'insert'),
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    length: fc.nat(20),
    put: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  })
  .map(({ kind, at, length, put }) => (bytes: Uint8Array) => {
    const start = Math.floor(at * bytes.length);
    const before = bytes.subarray(0, start);
    const after = bytes.subarray(start);
    if (kind === 'cut') return joined(before, after.subarray(length));
    if (kind === 'repeat') return joined(before, after.subarray(0, length), after);
    if (kind === 'insert') return joined(before, put, after);
    return joined(before, put.subarray(0, 1), after.subarray(1));
  });

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}
