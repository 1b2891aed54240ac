import { describe, expect, it } from 'vitest';
import type { LabelSelector } from '../../model/policy.ts';
import { askedKeys, matchesSelector, selectorText } from './selectors.ts';

type Expression = LabelSelector['matchExpressions'][number];
const labels = { app: 'web', tier: 'front', empty: '' };

function selector(
  matchLabels: LabelSelector['matchLabels'],
  ...matchExpressions: readonly Expression[]
): LabelSelector {
  return { matchLabels, matchExpressions };
}

function only(key: string, operator: Expression['operator'], ...values: readonly string[]): LabelSelector {
  return selector({}, { key, operator, values });
}

/** The sentences are those of LabelSelector, meta/v1. */
const rows: readonly (readonly [string, LabelSelector, boolean])[] = [
  ['an empty label selector matches all objects', selector({}), true],
  ['matchLabels is a map of key and value', selector({ app: 'web' }), true],
  ['matchLabels is a map of key and value', selector({ app: 'db' }), false],
  ['matchLabels asks for a label that must be there', selector({ zone: 'a' }), false],
  ['matchLabels knows the empty value', selector({ empty: '' }), true],
  ['a label that is absent has not the empty value', selector({ zone: '' }), false],
  ['the requirements are ANDed', selector({ app: 'web', tier: 'front' }), true],
  ['the requirements are ANDed', selector({ app: 'web', tier: 'back' }), false],
  [
    'matchLabels and matchExpressions are ANDed',
    selector({ app: 'web' }, { key: 'tier', operator: 'Exists', values: [] }),
    true,
  ],
  [
    'matchLabels and matchExpressions are ANDed',
    selector({ app: 'db' }, { key: 'tier', operator: 'Exists', values: [] }),
    false,
  ],
  ['In: one of the values', only('app', 'In', 'api', 'web'), true],
  ['In: none of the values', only('app', 'In', 'api', 'db'), false],
  ['In: the label must be there', only('zone', 'In', 'a'), false],
  ['In: the label must be there, for the empty value too', only('zone', 'In', ''), false],
  ['NotIn: none of the values', only('app', 'NotIn', 'db'), true],
  ['NotIn: one of the values', only('app', 'NotIn', 'db', 'web'), false],
  ['NotIn holds without the label', only('zone', 'NotIn', 'a'), true],
  ['Exists: with whatever value', only('tier', 'Exists'), true],
  ['Exists: with the empty value', only('empty', 'Exists'), true],
  ['Exists: not there', only('zone', 'Exists'), false],
  ['DoesNotExist: not there', only('zone', 'DoesNotExist'), true],
  ['DoesNotExist: there', only('app', 'DoesNotExist'), false],
  ['what every object has by birth is no label', only('constructor', 'Exists'), false],
  ['what every object has by birth is no label', only('toString', 'DoesNotExist'), true],
];

describe('a label selector', () => {
  it.each(rows)('%s: %j is %s', (_sentence, asked, expected) => {
    expect(matchesSelector(asked, labels)).toBe(expected);
  });

  it('matches pods without labels where it asks for none', () => {
    expect(
      [selector({}), only('app', 'NotIn', 'web'), only('app', 'Exists')].map((one) => matchesSelector(one, {})),
    ).toEqual([true, true, false]);
  });

  it('is written as kubectl prints it', () => {
    const written = selector(
      { app: 'web' },
      { key: 'tier', operator: 'In', values: ['a', 'b'] },
      { key: 'zone', operator: 'NotIn', values: ['c'] },
      { key: 'canary', operator: 'DoesNotExist', values: [] },
      { key: 'owner', operator: 'Exists', values: [] },
    );
    expect([selectorText(written), askedKeys(written)]).toEqual([
      'app=web,tier in (a,b),zone notin (c),!canary,owner',
      ['app', 'tier', 'zone', 'canary', 'owner'],
    ]);
  });
});
