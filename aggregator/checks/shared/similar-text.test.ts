import { describe, expect, it } from 'vitest';
import { slipsBetween, spelled } from './similar-text.ts';

const slips = (one: string, other: string) => slipsBetween(spelled(one), spelled(other));

describe('a slip of the pen', () => {
  it.each([
    ['orders', 'order', 1],
    ['orders', 'ordres', 1],
    ['wbe', 'web', 1],
    ['frontend', 'front-end', 1],
    ['Web', 'web', 1],
    ['checkout', 'chekcuot', 2],
    ['payments-api', 'paymets-appi', 2],
    ['k8s-app', 'k8s-ap', 1],
  ])('%s for %s', (one, other, count) => {
    expect([slips(one, other), slips(other, one)]).toEqual([count, count]);
  });
});

describe('two names', () => {
  it.each([
    ['app', 'api', 'short words that are one letter apart'],
    ['shard-1', 'shard-2', 'told apart by a number'],
    ['worker', 'worker2', 'told apart by a number'],
    ['db-a', 'db-b', 'told apart by a short word'],
    ['orders', 'orders-api', 'one is longer'],
    ['orders', 'ledger', 'other letters'],
    ['abcd', 'dcba', 'the same letters in another order'],
    ['cart', 'tacr', 'too many slips for so short a word'],
    ['ab', 'ba', 'too short'],
  ])('%s and %s: %s', (one, other) => {
    expect([slips(one, other), slips(other, one)]).toEqual([null, null]);
  });
});
