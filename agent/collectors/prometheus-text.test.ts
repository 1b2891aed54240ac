import { describe, expect, it } from 'vitest';
import { readSample, upperBound } from './prometheus-text.ts';

describe('a sample line', () => {
  it('without labels is a name and a number', () => {
    expect(readSample('up 1')).toEqual({ name: 'up', labels: new Map(), value: 1 });
  });

  it('has escapes in its label values undone', () => {
    const line = 'x{a="say \\"hi\\"",b="back\\\\slash",c="two\\nlines"} 2.5e3 1700000000';
    const labels = new Map([
      ['a', 'say "hi"'],
      ['b', 'back\\slash'],
      ['c', 'two\nlines'],
    ]);
    expect(readSample(line)).toEqual({ name: 'x', labels, value: 2500 });
  });

  it('with empty labels is one without labels', () => {
    expect(readSample('up{} 1')).toEqual({ name: 'up', labels: new Map(), value: 1 });
  });

  it.each(['', 'x', 'x ', 'x{', 'x{a="1" 1', 'x{a="1}', 'x{a=1} 1', 'x{a="1"}', 'x NaN', 'x +Inf', '{a="1"} 1'])(
    'that is damaged or no finite number is refused: %j',
    (line) => {
      expect(readSample(line)).toBeNull();
    },
  );
});

describe('the bound that 99 of 100 values keep', () => {
  const infinite = Number.POSITIVE_INFINITY;
  const histogram = (...buckets: readonly (readonly [number, number])[]) =>
    upperBound(
      buckets.map(([bound, count]) => ({ bound, count })),
      0.99,
    );

  it('is that of the first bucket that holds as many', () => {
    expect(histogram([1, 18], [2, 28], [3, 30], [4, 30], [infinite, 30])).toBe(3);
    expect(histogram([1, 990], [2, 999], [3, 1000], [infinite, 1000])).toBe(1);
    expect(histogram([1, 989], [2, 999], [3, 1000], [infinite, 1000])).toBe(2);
  });

  it('is the largest that there is, where they lie beyond', () => {
    expect(histogram([1, 0], [300, 5], [infinite, 30])).toBe(300);
  });

  it('does not depend on the order of the buckets', () => {
    expect(histogram([infinite, 30], [3, 30], [1, 18])).toBe(3);
  });

  it.each([
    ['nothing', histogram()],
    ['no value yet', histogram([1, 0], [infinite, 0])],
    ['a histogram whose last bucket is lacking', histogram([1, 18], [2, 28])],
    ['the last bucket alone', histogram([infinite, 30])],
  ])('of %s is not known', (_, bound) => {
    expect(bound).toBeNull();
  });
});
