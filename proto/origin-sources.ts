/**
 * Which source addresses each origin stands for. Both sides of the audit use this one definition, so that equal
 * behaviour gives equal entries.
 */
import type { Address, Family } from './address.ts';
import { familyOf } from './address.ts';
import type { Origin } from './forwarding.ts';
import type { PrefixSet } from './prefixes.ts';
import { addressSet, emptySet, everything, parsePrefix, prefixSet, subtract, union } from './prefixes.ts';
import type { LocalDetector } from './profile.ts';

/** The part of a node that decides where packets come from. */
export interface SourcePlace {
  readonly family: Family;
  /** `none` also where it is not known. */
  readonly localDetector: LocalDetector;
  /** The node's own addresses, of both families; those of other families are passed over. */
  readonly localAddresses: readonly Address[];
}

/** The sources of packets to one frontend, by origin. With an interface detector, or none, they are not disjoint. */
export type OriginSources = { readonly [origin in Origin]: PrefixSet };

const loopback = prefixSet(['127.0.0.0/8', '::1/128'].flatMap((text) => parsePrefix(text) ?? []));

/**
 * The sources of each origin, for any frontend of a place.
 *
 * `pod`: the detector's prefix; with an interface, any source, since the interface decides; without a detector the same
 * as `outside`. `node`: the node's addresses outside that prefix and without loopback, and the frontend's own address,
 * because an address that is bound on the node may talk to itself. `outside`: every other source.
 */
export function sourcesOf(place: SourcePlace): (frontendAddress: Address | 'node') => OriginSources {
  const { family, localDetector, localAddresses } = place;
  const whole = everything(family);
  const ofFamily = addressSet(localAddresses.filter((address) => familyOf(address) === family));
  const pods = localDetector.kind === 'prefix' ? prefixSet([localDetector.prefix]) : null;
  const own = subtract(pods === null ? ofFamily : subtract(ofFamily, pods), loopback);
  const others = subtract(pods === null ? whole : subtract(whole, pods), own);
  return (frontendAddress) => {
    const itself = frontendAddress === 'node' ? emptySet : addressSet([frontendAddress]);
    const node = union(own, itself);
    const outside = subtract(others, itself);
    switch (localDetector.kind) {
      case 'prefix':
        return { pod: pods ?? whole, node, outside };
      case 'interface':
        return { pod: whole, node, outside };
      case 'none':
        return { pod: outside, node, outside };
    }
  };
}

/** The sources of each origin for one frontend, see sourcesOf. */
export function originSources(place: SourcePlace, frontendAddress: Address | 'node'): OriginSources {
  return sourcesOf(place)(frontendAddress);
}
