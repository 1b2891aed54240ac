import { describe, expect, it } from 'vitest';
import { count, tableLines, wrap } from './table.ts';

describe('a table', () => {
  it('has columns as wide as their widest cell, and nothing behind the last', () => {
    const lines = tableLines(
      ['NODE', 'STATE'],
      [
        ['node-a', 'healthy'],
        ['b', ''],
      ],
    );
    expect(lines).toEqual(['NODE     STATE', 'node-a   healthy', 'b']);
  });

  it('may be rows without heads', () => {
    expect(tableLines([], [['low', 'orphaned-chains']])).toEqual(['low   orphaned-chains']);
  });
});

describe('wrapped text', () => {
  it('breaks between words, indent included', () => {
    expect(wrap('one two three', 9, '  ')).toEqual(['  one two', '  three']);
  });

  it('keeps a word whole that is longer than a line, so that it can be copied', () => {
    expect(wrap('see KUBE-SVC-E3PXEPMWAWIUT6ZV there', 10)).toEqual(['see', 'KUBE-SVC-E3PXEPMWAWIUT6ZV', 'there']);
  });

  it('keeps line breaks and empty lines', () => {
    expect(wrap('one\n\ntwo', 80, ' ')).toEqual([' one', '', ' two']);
  });
});

describe('a count', () => {
  it('knows singular and plural', () => {
    expect([count(1, 'finding'), count(0, 'finding'), count(2, 'entry', 'entries')]).toEqual([
      '1 finding',
      '0 findings',
      '2 entries',
    ]);
  });
});
