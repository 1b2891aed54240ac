/**
 * Matches of the packet mark, and what rules make of it.
 *
 *     meta mark & 0x00004000 != 0x00000000          mark and 0x4000 == 0
 *     meta mark set meta mark | 0x00004000          mark set mark or 0x4000
 *     meta mark set meta mark & 0xffff0001 | 0x00000001
 */
import { type Step, unreadable } from './rule.ts';
import type { WordReader } from './words.ts';

const all = 0xffffffff;

/** What stands behind the word `mark`. */
export function readMarkStep(words: WordReader): Step {
  if (words.takes('set')) return readMarkChange(words) ?? unreadable;
  return readMark(words) ?? unreadable;
}

/** The rest of a match behind `mark`; null when it cannot be read. */
function readMark(words: WordReader): Step | null {
  const mask = words.takes('&') || words.takes('and') ? numberIn(words.take()) : all;
  if (mask === null) return null;
  const negated = words.takes('!=');
  if (!negated) words.takes('==');
  const value = numberIn(words.take());
  return value === null ? null : { kind: 'mark', value, mask, negated };
}

/** The rest of a statement behind `mark set`; null when it cannot be read, or what it sets is not known. */
function readMarkChange(words: WordReader): Step | null {
  const isOwn = words.peek() === 'meta' || words.peek() === 'mark';
  // Each operation keeps (mark & keep) ^ flip.
  let keep = isOwn ? all : 0;
  let flip = 0;
  if (isOwn) {
    words.takes('meta');
    if (!words.takes('mark')) return null;
  } else {
    const value = numberIn(words.take());
    if (value === null) return null;
    flip = value;
  }
  for (let operation = operationIn(words); operation !== null; operation = operationIn(words)) {
    const value = numberIn(words.take());
    if (value === null) return null;
    if (operation === 'and') {
      keep &= value;
      flip &= value;
    } else if (operation === 'or') {
      keep &= ~value;
      flip |= value;
    } else {
      flip ^= value;
    }
  }
  return { kind: 'set-mark', value: flip >>> 0, mask: ~keep >>> 0 };
}

function operationIn(words: WordReader): 'and' | 'or' | 'xor' | null {
  if (words.takes('&') || words.takes('and')) return 'and';
  if (words.takes('|') || words.takes('or')) return 'or';
  if (words.takes('^') || words.takes('xor')) return 'xor';
  return null;
}

function numberIn(word: string | null): number | null {
  if (word === null || !/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(word)) return null;
  const value = Number(word);
  return value > all ? null : value;
}
