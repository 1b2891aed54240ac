import { describe, expect, it } from 'vitest';
import { stripCounters } from './strip-counters.ts';

async function strip(text: string, pieceLength: number): Promise<string> {
  async function* pieces() {
    for (let at = 0; at < text.length; at += pieceLength) yield Buffer.from(text.slice(at, at + pieceLength));
  }
  let stripped = '';
  for await (const piece of stripCounters(pieces())) stripped += Buffer.from(piece).toString();
  return stripped;
}

describe('a dump with counters', () => {
  const dump =
    '*nat\n:OUTPUT ACCEPT [5:300]\n[1:60] -A OUTPUT -m comment --comment "[x] y" -j ACCEPT\n[0:0] -A OUTPUT\nCOMMIT\n';
  const without = '*nat\n:OUTPUT ACCEPT [5:300]\n-A OUTPUT -m comment --comment "[x] y" -j ACCEPT\n-A OUTPUT\nCOMMIT\n';

  it.each([1, 2, 7, 1000])('loses those of its rules and nothing else, in pieces of %i bytes', async (length) => {
    expect(await strip(dump, length)).toBe(without);
  });

  it('without counters stays as it is', async () => {
    expect(await strip(without, 10)).toBe(without);
  });
});
