import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedJson, jsonChange } from './json-change.ts';

const parsed = (json: string): unknown => JSON.parse(json);

describe('a change of JSON', () => {
  it.each([
    ['a member', '{"a":1,"b":[1,2]}', '{"a":2,"b":[1,2]}', '{"a":2}'],
    ['a member of a member', '{"a":{"b":{"c":1,"d":2}}}', '{"a":{"b":{"c":null,"d":2}}}', '{"a":{"b":{"c":null}}}'],
    ['one element', '[{"n":1,"of":"x"},{"n":2,"of":"y"}]', '[{"n":1,"of":"x"},{"n":5,"of":"y"}]', '{"1":{"n":5}}'],
    ['elements in the midst', '["first",2,3,"last"]', '["first",7,8,9,"last"]', '[1,2,[7,8,9]]'],
    ['an element more', '["one","two"]', '["one","two","three"]', '[2,0,["three"]]'],
    ['the last element gone', '["one","two"]', '["one"]', '[1,1,[]]'],
    ['an object for a text', '"any"', '{"new":1}', '[{"new":1}]'],
    ['a text for an object', '{"new":1}', '"any"', '"any"'],
    ['other names', '{"a":1}', '{"b":1}', '[{"b":1}]'],
    ['a name called __proto__', '{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}', '{"__proto__":{"a":2}}'],
  ])('of %s', (_, base, next, change) => {
    expect(jsonChange(parsed(base), parsed(next))).toBe(change);
    expect(changedJson(parsed(base), parsed(change))).toBe(next);
  });

  it('is none where nothing changed', () => {
    expect(jsonChange({ a: [1] }, { a: [1] })).toBeNull();
  });

  it('leads from any value to any other', () => {
    const nested = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(0, 1, 'one', true, null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom('a', 'b', '1', '__proto__'), tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    fc.assert(
      fc.property(nested, nested, (first, second) => {
        const [base, next] = [parsed(JSON.stringify(first)), parsed(JSON.stringify(second))];
        const change = jsonChange(base, next);
        if (change === null) expect(JSON.stringify(base)).toBe(JSON.stringify(next));
        else expect(changedJson(base, parsed(change))).toBe(JSON.stringify(next));
      }),
      { seed: 20_261_122, numRuns: 3_000 },
    );
  });

  it.each([
    ['a member that is not there', '{"a":1}', '{"b":2}'],
    ['members of a text', '"any"', '{"a":1}'],
    ['members of null', 'null', '{"a":1}'],
    ['elements of an object', '{"a":1}', '[0,1,[]]'],
    ['elements past the end', '[1,2]', '[1,2,[]]'],
    ['a place that is none', '[1,2]', '[-1,1,[]]'],
    ['a place between two', '[1,2]', '[0.5,1,[]]'],
    ['an array of two', '[1,2]', '[1,2]'],
    ['an array of none', '[1,2]', '[]'],
    ['what an object inherits', '{"a":1}', '{"constructor":2}'],
  ])('does not fit where it speaks of %s', (_, base, change) => {
    expect(changedJson(parsed(base), parsed(change))).toBeNull();
  });

  it('does not fit where it is nested without end', () => {
    const deep = (inner: string): unknown => parsed(`${'{"a":'.repeat(5_000)}${inner}${'}'.repeat(5_000)}`);
    expect(changedJson(deep('1'), deep('2'))).toBeNull();
  });
});
