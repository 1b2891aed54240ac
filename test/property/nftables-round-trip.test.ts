/**
 * kube-proxy's nftables tables written for random clusters and read back: what is whole reads as wanted, what is damaged
 * does not. Longer runs are in nftables-round-trip.slow.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { expectDamageToShow } from './nft-damage-property.ts';
import { expectToReadBack } from './nft-round-trip.ts';
import { expectReadAsWalked } from './nft-walk-property.ts';

const seed = 20_261_123;

describe('the tables of a random cluster, in both shapes and families', () => {
  it('read back as the table that they were written for', () => {
    expectToReadBack({ seed, numRuns: 200 });
  });
});

describe('an element or a rule removed, changed or doubled, or a chain emptied', () => {
  it('is a drift of that Service alone, unless no packet to any frontend can tell', () => {
    const { drifts } = expectDamageToShow({ seed, numRuns: 300 });
    // Not an empty promise: most damage shows.
    expect(drifts).toBeGreaterThan(130);
  });

  it('leads packets to the backends that a simulation of the rules finds', () => {
    expectReadAsWalked({ seed, numRuns: 150 });
  });
});
