/** One match, typed: what `-s`, `-p`, `-m NAME ...` say (iptables(8), iptables-extensions(8)). */

import { readModule } from './match-modules.ts';
import type { Match } from './rule.ts';
import type { Built, Segment } from './typed-shape.ts';
import type { Token } from './tokens.ts';

export function buildMatch(segment: Segment): Built<Match> {
  if (segment.letter === '-m') return buildModule(segment);
  if (segment.letter === '') return keep('', segment.words, `options outside any module`);
  const bang = segment.words[0]?.text === '!' && segment.words[0].slot < 0;
  const [value, ...rest] = bang ? segment.words.slice(1) : segment.words;
  const negated = segment.negated !== bang;
  if (segment.letter === '-f') {
    const built: Built<Match> = { part: { kind: 'fragment', negated }, unreadable: null };
    return segment.words.length === 0 ? built : keep(segment.letter, segment.words, 'words behind -f');
  }
  if (value === undefined || rest.length > 0) {
    return keep(segment.letter, segment.words, `${segment.letter} wants one value`);
  }
  return { part: simpleMatch(segment.letter, value.text, negated), unreadable: null };
}

function simpleMatch(letter: string, value: string, negated: boolean): Match {
  switch (letter) {
    case '-s':
      return { kind: 'source', prefix: value, negated };
    case '-d':
      return { kind: 'destination', prefix: value, negated };
    case '-i':
      return { kind: 'inInterface', name: value, negated };
    case '-o':
      return { kind: 'outInterface', name: value, negated };
    case '-p':
      return { kind: 'protocol', protocol: value, negated };
    default:
      return { kind: 'other', module: letter, words: [value], negated };
  }
}

function buildModule(segment: Segment): Built<Match> {
  const [name, ...words] = segment.words;
  if (name === undefined) return keep('', [], '-m without a module');
  const read = readModule(name.text, words);
  if (typeof read !== 'string') return { part: read, unreadable: null };
  return keep(name.text, words, read);
}

function keep(module: string, words: readonly Token[], unreadable: string): Built<Match> {
  const texts = words.map((word) => word.text);
  return { part: { kind: 'other', module, words: texts, negated: texts.includes('!') }, unreadable };
}
