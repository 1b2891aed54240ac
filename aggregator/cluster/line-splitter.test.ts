import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

/** All lines of a text that comes in pieces of these lengths, and then whatever is left. */
function linesOf(text: string, lengths: readonly number[]): readonly string[] {
  const splitter = new LineSplitter(1000);
  const bytes = Buffer.from(text);
  const found: string[] = [];
  let from = 0;
  for (const length of [...lengths, bytes.length]) {
    const split = splitter.push(bytes.subarray(from, from + length));
    if (!split.ok) throw new Error('too long');
    found.push(...split.lines);
    from += length;
  }
  return found;
}

describe('lines', () => {
  it('are the same however the text is cut, in the midst of a character too', () => {
    const lengths = fc.array(fc.nat({ max: 9 }), { maxLength: 60 });
    fc.assert(
      fc.property(lengths, (cuts) => {
        expect(linesOf('{"a":"é€😀"}\n\n{"b":2}\r\n{"c":3', cuts)).toEqual(['{"a":"é€😀"}', '{"b":2}\r']);
      }),
    );
  });

  it('longer than allowed end the reading, ended or not', () => {
    expect(new LineSplitter(5).push(Buffer.from('123456'))).toEqual({ ok: false });
    expect(new LineSplitter(5).push(Buffer.from('123456\n'))).toEqual({ ok: false });
    const splitter = new LineSplitter(5);
    expect(splitter.push(Buffer.from('12345\n123'))).toEqual({ ok: true, lines: ['12345'] });
    expect(splitter.push(Buffer.from('456'))).toEqual({ ok: false });
  });
});
