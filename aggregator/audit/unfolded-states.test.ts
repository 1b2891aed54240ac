import { describe, expect, it } from 'vitest';
import { UnfoldedStates } from './unfolded-states.ts';

describe('states that take room', () => {
  it('are folded when there is too much, those that were asked for longest ago first', () => {
    const folded: string[] = [];
    const state = (name: string, weight: number) => ({ weight, fold: () => folded.push(name) });
    const [small, other, large] = [state('small', 10), state('other', 10), state('large', 85)];
    const unfolded = new UnfoldedStates(100);
    for (const one of [small, other, small, large]) unfolded.add(one);
    expect(folded).toEqual(['other']);
    unfolded.add(other);
    expect(folded).toEqual(['other', 'small']);
  });

  it('may each take all of it: the one that is asked for now is never folded', () => {
    const folded: string[] = [];
    const unfolded = new UnfoldedStates(100);
    unfolded.add({ weight: 500, fold: () => folded.push('first') });
    expect(folded).toEqual([]);
    unfolded.add({ weight: 500, fold: () => folded.push('second') });
    expect(folded).toEqual(['first']);
  });
});
