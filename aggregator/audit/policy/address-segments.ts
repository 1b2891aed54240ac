/**
 * Addresses as far as blocks can tell them apart: all bounds of all blocks cut each family into segments, and two
 * addresses of one segment are inside the same blocks.
 */
import type { Address } from '../../../proto/address.ts';
import { addressSet, type PrefixSet } from '../../../proto/prefixes.ts';

export interface AddressSegments {
  /** `4.3`, `6.0`: the same text for addresses that no block tells apart. */
  of(address: Address): string;
}

/** Null where there is no block at all. */
export function addressSegments(blocks: readonly PrefixSet[]): AddressSegments | null {
  const bounds4 = new Set<number>();
  const bounds6 = new Set<bigint>();
  for (const { ipv4, ipv6 } of blocks) {
    for (const { first, last } of ipv4) bounds4.add(first).add(last + 1);
    for (const { first, last } of ipv6) bounds6.add(first).add(last + 1n);
  }
  if (bounds4.size + bounds6.size === 0) return null;
  const sorted4 = [...bounds4].sort((a, b) => a - b);
  const sorted6 = [...bounds6].sort((a, b) => (a < b ? -1 : 1));
  return {
    of(address) {
      const { ipv4, ipv6 } = addressSet([address]);
      const [one4] = ipv4;
      const [one6] = ipv6;
      return one4 === undefined ? `6.${notAfter(sorted6, one6?.first ?? 0n)}` : `4.${notAfter(sorted4, one4.first)}`;
    },
  };
}

/** How many of the sorted bounds are at the value or before it. */
function notAfter<T extends number | bigint>(bounds: readonly T[], value: T): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const bound = bounds[middle];
    if (bound !== undefined && bound <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
