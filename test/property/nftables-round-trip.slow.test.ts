/** Longer runs of nftables-round-trip.test.ts. */
import { expect, it } from 'vitest';
import { expectDamageToShow } from './nft-damage-property.ts';
import { expectToReadBack } from './nft-round-trip.ts';
import { expectReadAsWalked } from './nft-walk-property.ts';

it.each([1, 2, 3, 4])('tables of random clusters read back as they were written for (seed %i)', (seed) => {
  expectToReadBack({ seed, numRuns: 5_000 });
});

it.each([1, 2, 3, 4])(
  'one object damaged is a drift of its Service alone, unless no packet can tell (seed %i)',
  (seed) => {
    const { drifts, silent } = expectDamageToShow({ seed, numRuns: 10_000 });
    expect(drifts).toBeGreaterThan(silent);
  },
);

it.each([1, 2, 3, 4])('damaged tables lead packets where a simulation of their rules finds them (seed %i)', (seed) => {
  expectReadAsWalked({ seed, numRuns: 5_000 });
});
