import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Address, Family, Prefix } from './address.ts';
import { parseAddress } from './address.ts';
import type { PrefixSet } from './prefixes.ts';
import {
  addressSet,
  contains,
  emptySet,
  equals,
  everything,
  intersect,
  isEmpty,
  parsePrefix,
  prefixOfAddress,
  prefixSet,
  rangeSet,
  subtract,
  toPrefixes,
  union,
} from './prefixes.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`no address: ${text}`);
  return parsed;
}

function setOf(...texts: readonly string[]): PrefixSet {
  return prefixSet(texts.map(prefix));
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`no prefix: ${text}`);
  return parsed;
}

describe('reading a prefix', () => {
  const readings: readonly (readonly [string, string | null])[] = [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['192.168.100.11', '192.168.100.11/32'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['fd00:0:0::1/64', 'fd00::/64'],
    ['FD00::1', 'fd00::1/128'],
    ['::/0', '::/0'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:10.1.2.3', '10.1.2.3/32'],
    ['::ffff:10.1.2.3/64', '::/64'],
    ['10.0.0.0/33', null],
    ['10.0.0.0/-1', null],
    ['10.0.0.0/', null],
    ['10.0.0.0/8/8', null],
    ['10.0.0/8', null],
    ['010.0.0.0/8', null],
    ['fd00::/129', null],
    ['web/8', null],
    ['', null],
  ];
  for (const [text, expected] of readings) {
    it(expected === null ? `takes '${text}' for no prefix` : `reads ${text} as ${expected}`, () => {
      expect(parsePrefix(text)).toBe(expected);
    });
  }

  it('makes the host prefix of an address', () => {
    expect([prefixOfAddress(address('10.0.0.1')), prefixOfAddress(address('fd00::1'))]).toEqual([
      '10.0.0.1/32',
      'fd00::1/128',
    ]);
  });
});

describe('the shortest list of prefixes', () => {
  it('joins neighbours, drops what is inside another and sorts IPv4 before IPv6', () => {
    const set = setOf('fd00::/65', '10.0.1.0/24', '10.0.0.0/24', '10.0.0.7', 'fd00:0:0:0:8000::/65', '9.0.0.0/8');
    expect(toPrefixes(set)).toEqual(['9.0.0.0/8', '10.0.0.0/23', 'fd00::/64']);
  });

  it('splits an interval that is no prefix at its binary edges', () => {
    expect(toPrefixes(subtract(setOf('10.0.0.0/29'), setOf('10.0.0.0', '10.0.0.7')))).toEqual([
      '10.0.0.1/32',
      '10.0.0.2/31',
      '10.0.0.4/31',
      '10.0.0.6/32',
    ]);
  });

  it('writes a whole family as one prefix', () => {
    expect([toPrefixes(everything('ipv4')), toPrefixes(everything('ipv6'))]).toEqual([['0.0.0.0/0'], ['::/0']]);
  });
});

describe('a range', () => {
  it.each([
    ['10.0.0.1', '10.0.0.4', ['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/32']],
    ['fd00::1', 'fd00::2', ['fd00::1/128', 'fd00::2/128']],
    ['10.0.0.4', '10.0.0.1', []],
    ['10.0.0.1', 'fd00::1', []],
  ])('from %s to %s', (first, last, prefixes) => {
    expect(toPrefixes(rangeSet(address(first), address(last)))).toEqual(prefixes);
  });
});

describe('a hole in the whole family', () => {
  it('leaves one prefix of each length in IPv4', () => {
    const rest = subtract(everything('ipv4'), addressSet([address('255.255.255.255')]));
    expect(toPrefixes(rest)).toHaveLength(32);
    expect(union(rest, addressSet([address('255.255.255.255')]))).toEqual(everything('ipv4'));
  });

  it('leaves one prefix of each length in IPv6', () => {
    const rest = subtract(everything('ipv6'), addressSet([address('::')]));
    expect(toPrefixes(rest)).toHaveLength(128);
    expect(toPrefixes(rest).at(-1)).toBe('8000::/1');
    expect(contains(rest, address('::'))).toBe(false);
  });
});

describe('the two families in one set', () => {
  it('are kept apart by every operation', () => {
    const both = setOf('10.0.0.0/8', 'fd00::/8');
    expect(toPrefixes(intersect(both, everything('ipv4')))).toEqual(['10.0.0.0/8']);
    expect(toPrefixes(subtract(both, everything('ipv4')))).toEqual(['fd00::/8']);
    expect(intersect(everything('ipv4'), everything('ipv6'))).toEqual(emptySet);
    expect(equals(both, setOf('10.0.0.0/8'))).toBe(false);
  });
});

/** The naive model: all 64 addresses of a small world at one edge of the family or another, as a set of numbers. */
const worlds: readonly { readonly family: Family; readonly base: bigint }[] = [
  { family: 'ipv4', base: 0n },
  { family: 'ipv4', base: 2n ** 32n - 64n },
  { family: 'ipv4', base: 0x7fff_ffc0n },
  { family: 'ipv6', base: 0n },
  { family: 'ipv6', base: 2n ** 128n - 64n },
  { family: 'ipv6', base: 0xfd00n << 112n },
];
const worldSize = 64;

function addressAt(world: (typeof worlds)[number], offset: number): Address {
  const value = world.base + BigInt(offset);
  if (world.family === 'ipv4') return address([24n, 16n, 8n, 0n].map((bits) => (value >> bits) & 255n).join('.'));
  const groups = Array.from({ length: 8 }, (_, group) => (value >> BigInt(112 - 16 * group)) & 0xffffn);
  return address(groups.map((group) => group.toString(16)).join(':'));
}

/** Blocks of the world: an offset and a size of 2^bits, aligned by parsePrefix itself. */
const blocks = fc.array(fc.tuple(fc.nat(worldSize - 1), fc.nat(5)), { maxLength: 6 });
type Blocks = readonly (readonly [number, number])[];

function real(world: (typeof worlds)[number], from: Blocks): PrefixSet {
  const width = world.family === 'ipv4' ? 32 : 128;
  return setOf(...from.map(([offset, bits]) => `${addressAt(world, offset)}/${width - bits}`));
}

function model(from: Blocks): ReadonlySet<number> {
  const members = new Set<number>();
  for (const [offset, bits] of from) {
    const start = offset - (offset % 2 ** bits);
    for (let i = 0; i < 2 ** bits; i++) members.add(start + i);
  }
  return members;
}

function membersOf(world: (typeof worlds)[number], set: PrefixSet): ReadonlySet<number> {
  const offsets = Array.from({ length: worldSize }, (_, offset) => offset);
  return new Set(offsets.filter((offset) => contains(set, addressAt(world, offset))));
}

/** What every set must satisfy: it means what it prints, and it has one form only. */
function expectCanonical(set: PrefixSet): void {
  const printed = toPrefixes(set);
  expect(prefixSet(printed)).toEqual(set);
  expect(prefixSet([...printed].reverse())).toEqual(set);
  expect(isEmpty(set)).toBe(printed.length === 0);
  for (const one of printed) expect(parsePrefix(one)).toBe(one);
}

describe('any two sets of prefixes', () => {
  const cases = fc.record({ world: fc.constantFrom(...worlds), a: blocks, b: blocks });

  it('have the union, intersection and difference of their addresses', () => {
    fc.assert(
      fc.property(cases, ({ world, a, b }) => {
        const [setA, setB] = [real(world, a), real(world, b)];
        const [modelA, modelB] = [model(a), model(b)];
        for (const [set, wanted] of [
          [setA, modelA],
          [union(setA, setB), model([...a, ...b])],
          [intersect(setA, setB), new Set([...modelA].filter((member) => modelB.has(member)))],
          [subtract(setA, setB), new Set([...modelA].filter((member) => !modelB.has(member)))],
        ] as const) {
          expect(membersOf(world, set)).toEqual(new Set([...wanted].sort((x, y) => x - y)));
          expectCanonical(set);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('are equal exactly when they hold the same addresses', () => {
    fc.assert(
      fc.property(cases, ({ world, a, b }) => {
        const sameMembers = model(a).size === model(b).size && model(a).size === model([...a, ...b]).size;
        expect(equals(real(world, a), real(world, b))).toBe(sameMembers);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('come back whole from their complement', () => {
    fc.assert(
      fc.property(cases, ({ world, a, b }) => {
        const set = union(real(world, a), real(world, b));
        const complement = subtract(everything(world.family), set);
        expect(intersect(set, complement)).toEqual(emptySet);
        expect(union(set, complement)).toEqual(everything(world.family));
        expect(subtract(everything(world.family), complement)).toEqual(set);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
