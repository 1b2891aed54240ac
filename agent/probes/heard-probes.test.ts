import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { AnswerBudget } from './answer-budget.ts';
import { ProbesHeard } from './heard-probes.ts';

const here = address('10.244.1.1');
const peer = address('10.244.2.0');

describe('what was heard', () => {
  it('is told for 90 seconds, each size by itself', () => {
    const heard = new ProbesHeard();
    heard.note({ from: peer, to: here }, 'small', 0);
    heard.note({ from: peer, to: here }, 'full', 30_000);
    const of = (small: boolean, full: boolean) => ({ total: 1, first: [{ from: peer, to: here, small, full }] });
    expect(heard.report(89_999)).toEqual(of(true, true));
    expect(heard.report(90_000)).toEqual(of(false, true));
    expect(heard.report(120_000)).toEqual({ total: 0, first: [] });
  });

  it('is sorted, in whatever order it came', () => {
    const heard = new ProbesHeard();
    for (const last of [9, 3, 5]) heard.note({ from: address(`10.244.${last}.0`), to: here }, 'small', 0);
    expect(heard.report(0).first.map(({ from }) => from)).toEqual(['10.244.3.0', '10.244.5.0', '10.244.9.0']);
  });

  it('is no more than a thousand at a time; what is older makes room', () => {
    const heard = new ProbesHeard();
    for (let n = 0; n < 1_500; n++) heard.note({ from: address(`10.9.${n >> 8}.${n & 255}`), to: here }, 'small', 0);
    expect([heard.report(0).total, heard.passedOver]).toEqual([1_000, 500]);
    heard.note({ from: peer, to: here }, 'small', 90_000);
    expect(heard.report(90_000).first.map(({ from }) => from)).toEqual([peer]);
  });
});

describe('answers', () => {
  it('are ten a second to one source', () => {
    const budget = new AnswerBudget();
    const asked = Array.from({ length: 30 }, (_, index) => budget.spend(peer, index));
    expect(asked.filter(Boolean).length).toBe(10);
    expect(budget.spend(peer, 1_000)).toBe(true);
  });

  it('are fifty a second to all', () => {
    const budget = new AnswerBudget();
    const asked = Array.from({ length: 200 }, (_, index) => budget.spend(address(`10.9.0.${index}`), index));
    expect(asked.filter(Boolean).length).toBe(50);
  });
});
