import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { structuredText } from './output.ts';

const hostile = { 'a\u202eb': 'x\u001b[31m\u009b2J\n\ud83d\ude00\u2028\ud800', plain: ['shop/web', ''] };

describe('a document for programs', () => {
  it.each(['json', 'yaml'] as const)('in %s is the very value, in characters that a terminal can show', (format) => {
    const text = structuredText(hostile, format);
    expect(format === 'json' ? JSON.parse(text) : parse(text)).toEqual(hostile);
    expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Cs}/u);
    expect(text).toContain('😀');
  });

  it('has lines, and ends one', () => {
    expect([structuredText({ a: [1] }, 'json'), structuredText({ a: ['b: c'] }, 'yaml')]).toEqual([
      '{\n  "a": [\n    1\n  ]\n}\n',
      'a:\n  - "b: c"\n',
    ]);
  });
});
