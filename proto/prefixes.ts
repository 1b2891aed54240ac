/**
 * Sets of addresses, as netfilter matches and source ranges make them: unions of prefixes, what two of them share, what
 * one has beyond another. Equal sets are equal values and print as the same list of prefixes.
 */
import ipaddr from 'ipaddr.js';
import type { Address, Family, Prefix } from './address.ts';
import { familyOf, parseAddress, parseWhole } from './address.ts';

/** All addresses from `first` to `last`, both included. */
export interface Interval<T> {
  readonly first: T;
  readonly last: T;
}

/** An immutable set of addresses of both families: sorted intervals that neither overlap nor touch. */
export interface PrefixSet {
  readonly ipv4: readonly Interval<number>[];
  readonly ipv6: readonly Interval<bigint>[];
}

/** How one family counts. */
interface Arithmetic<T> {
  readonly after: (value: T) => T;
  readonly before: (value: T) => T;
}

const counting4: Arithmetic<number> = { after: (value) => value + 1, before: (value) => value - 1 };
const counting6: Arithmetic<bigint> = { after: (value) => value + 1n, before: (value) => value - 1n };

const none: readonly never[] = [];
const all4: readonly Interval<number>[] = [{ first: 0, last: 2 ** 32 - 1 }];
const all6: readonly Interval<bigint>[] = [{ first: 0n, last: 2n ** 128n - 1n }];

/** The set without any address. */
export const emptySet: PrefixSet = { ipv4: none, ipv6: none };
const allOf: { readonly [family in Family]: PrefixSet } = {
  ipv4: { ipv4: all4, ipv6: none },
  ipv6: { ipv4: none, ipv6: all6 },
};

/** Every address of one family. */
export function everything(family: Family): PrefixSet {
  return allOf[family];
}

/** The addresses inside any of these prefixes, in any order, of either family. */
export function prefixSet(prefixes: readonly Prefix[]): PrefixSet {
  const ipv4: Interval<number>[] = [];
  const ipv6: Interval<bigint>[] = [];
  for (const prefix of prefixes) {
    const slash = prefix.lastIndexOf('/');
    const base = prefix.slice(0, slash);
    const length = Number(prefix.slice(slash + 1));
    if (familyOf(prefix) === 'ipv4') {
      const first = toNumber(base);
      ipv4.push({ first, last: first + 2 ** (32 - length) - 1 });
    } else {
      const first = toBigInt(base);
      ipv6.push({ first, last: first + (1n << BigInt(128 - length)) - 1n });
    }
  }
  return setOf(joined(ipv4, counting4), joined(ipv6, counting6));
}

/** The addresses from `first` to `last`, of one family; none where they are not, or `last` comes before `first`. */
export function rangeSet(first: Address, last: Address): PrefixSet {
  if (familyOf(first) !== familyOf(last)) return emptySet;
  if (familyOf(first) === 'ipv4') {
    const interval = { first: toNumber(first), last: toNumber(last) };
    return interval.first > interval.last ? emptySet : setOf([interval], none);
  }
  const interval = { first: toBigInt(first), last: toBigInt(last) };
  return interval.first > interval.last ? emptySet : setOf(none, [interval]);
}

/** The addresses in `a` or in `b`. */
export function union(a: PrefixSet, b: PrefixSet): PrefixSet {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  return setOf(united(a.ipv4, b.ipv4, counting4), united(a.ipv6, b.ipv6, counting6));
}

/** The addresses in both `a` and `b`. */
export function intersect(a: PrefixSet, b: PrefixSet): PrefixSet {
  return setOf(shared(a.ipv4, b.ipv4), shared(a.ipv6, b.ipv6));
}

/** The addresses in `a` that are not in `b`. */
export function subtract(a: PrefixSet, b: PrefixSet): PrefixSet {
  if (isEmpty(b)) return a;
  return setOf(without(a.ipv4, b.ipv4, counting4), without(a.ipv6, b.ipv6, counting6));
}

/** Whether the set holds no address. */
export function isEmpty(set: PrefixSet): boolean {
  return set.ipv4.length === 0 && set.ipv6.length === 0;
}

/** Whether both sets hold the same addresses. */
export function equals(a: PrefixSet, b: PrefixSet): boolean {
  return a === b || (same(a.ipv4, b.ipv4) && same(a.ipv6, b.ipv6));
}

/** Whether the set holds this address. */
export function contains(set: PrefixSet, address: Address): boolean {
  return familyOf(address) === 'ipv4' ? holds(set.ipv4, toNumber(address)) : holds(set.ipv6, toBigInt(address));
}

/** The shortest list of prefixes that make up the set: IPv4 before IPv6, each sorted by address. */
export function toPrefixes(set: PrefixSet): Prefix[] {
  const prefixes: Prefix[] = [];
  for (const { first, last } of set.ipv4) {
    for (let next = first; next <= last; ) {
      let size = 1;
      while (size < 2 ** 32 && next % (size * 2) === 0 && next + size * 2 - 1 <= last) size *= 2;
      prefixes.push(`${text4(next)}/${32 - Math.log2(size)}` as Prefix);
      next += size;
    }
  }
  for (const { first, last } of set.ipv6) {
    for (let next = first; next <= last; ) {
      let bits = 0n;
      while (bits < 128n && next % (2n << bits) === 0n && next + (2n << bits) - 1n <= last) bits++;
      prefixes.push(`${text6(next)}/${128n - bits}` as Prefix);
      next += 1n << bits;
    }
  }
  return prefixes;
}

/**
 * Reads `a.b.c.d/n`, `x::y/n` or a bare address (its host prefix); host bits are cleared. IPv4 mapped into IPv6 becomes
 * IPv4 as in parseAddress, unless the prefix is wider than the mapped range.
 * @returns null when the text is no prefix.
 */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  if (slash < 0) return prefixOfAddress(address);
  const mapped = familyOf(address) === 'ipv4' && text.includes(':');
  const written = parseWhole(text.slice(slash + 1), familyOf(address) === 'ipv4' && !mapped ? 32 : 128);
  if (written === null) return null;
  if (familyOf(address) === 'ipv6') return prefix6(toBigInt(address), written);
  if (mapped && written < 96) return prefix6((0xffffn << 32n) | BigInt(toNumber(address)), written);
  const length = mapped ? written - 96 : written;
  const value = toNumber(address);
  return `${text4(value - (value % 2 ** (32 - length)))}/${length}` as Prefix;
}

/** The prefix that holds this one address. */
export function prefixOfAddress(address: Address): Prefix {
  return `${address}/${familyOf(address) === 'ipv4' ? 32 : 128}` as Prefix;
}

/** The set of these addresses. */
export function addressSet(addresses: readonly Address[]): PrefixSet {
  return prefixSet(addresses.map(prefixOfAddress));
}

function setOf(ipv4: readonly Interval<number>[], ipv6: readonly Interval<bigint>[]): PrefixSet {
  return ipv4.length === 0 && ipv6.length === 0 ? emptySet : { ipv4, ipv6 };
}

/** Sorts, and joins intervals that overlap or touch. */
function joined<T extends number | bigint>(intervals: Interval<T>[], { after }: Arithmetic<T>): readonly Interval<T>[] {
  if (intervals.length < 2) return intervals;
  intervals.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const result: Interval<T>[] = [];
  let open: Interval<T> | null = null;
  for (const interval of intervals) {
    if (open === null) {
      open = interval;
    } else if (interval.first > after(open.last)) {
      result.push(open);
      open = interval;
    } else if (interval.last > open.last) {
      open = { first: open.first, last: interval.last };
    }
  }
  if (open !== null) result.push(open);
  return result;
}

function united<T extends number | bigint>(
  a: readonly Interval<T>[],
  b: readonly Interval<T>[],
  counting: Arithmetic<T>,
): readonly Interval<T>[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return joined([...a, ...b], counting);
}

function shared<T extends number | bigint>(
  a: readonly Interval<T>[],
  b: readonly Interval<T>[],
): readonly Interval<T>[] {
  const result: Interval<T>[] = [];
  for (let i = 0, j = 0; ; ) {
    const left = a[i];
    const right = b[j];
    if (left === undefined || right === undefined) return result;
    const leftEndsFirst = left.last < right.last;
    const last = leftEndsFirst ? left.last : right.last;
    const leftStartsFirst = left.first < right.first;
    const first = leftStartsFirst ? right.first : left.first;
    if (first <= last) result.push({ first, last });
    if (leftEndsFirst) i++;
    else j++;
  }
}

function without<T extends number | bigint>(
  from: readonly Interval<T>[],
  holes: readonly Interval<T>[],
  { after, before }: Arithmetic<T>,
): readonly Interval<T>[] {
  if (from.length === 0 || holes.length === 0) return from;
  const result: Interval<T>[] = [];
  let next = 0;
  for (const { first, last } of from) {
    let start = first;
    // A hole that reaches past this interval may cut the following one too, so `next` stays on it.
    for (let hole = holes[next]; hole !== undefined && hole.first <= last; hole = holes[next]) {
      if (hole.first > start) result.push({ first: start, last: before(hole.first) });
      if (hole.last >= start) start = after(hole.last);
      if (hole.last > last) break;
      next++;
    }
    if (start <= last) result.push({ first: start, last });
  }
  return result;
}

function same<T>(a: readonly Interval<T>[], b: readonly Interval<T>[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ first, last }, index) => first === b[index]?.first && last === b[index].last);
}

function holds<T extends number | bigint>(intervals: readonly Interval<T>[], value: T): boolean {
  let low = 0;
  let high = intervals.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const interval = intervals[middle];
    if (interval === undefined) return false;
    if (value < interval.first) high = middle - 1;
    else if (value > interval.last) low = middle + 1;
    else return true;
  }
  return false;
}

function toNumber(address: string): number {
  let value = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 46) {
      value = value * 256 + octet;
      octet = 0;
    } else {
      octet = octet * 10 + code - 48;
    }
  }
  return value * 256 + octet;
}

function toBigInt(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = 8 - before.length - after.length;
  let value = 0n;
  for (const group of before) value = (value << 16n) | BigInt(`0x${group}`);
  value <<= BigInt(16 * zeros);
  for (const group of after) value = (value << 16n) | BigInt(`0x${group}`);
  return value;
}

function prefix6(value: bigint, length: number): Prefix {
  const hostBits = BigInt(128 - length);
  return `${text6((value >> hostBits) << hostBits)}/${length}` as Prefix;
}

function text4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

function text6(value: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  return new ipaddr.IPv6(groups).toRFC5952String();
}
