/**
 * A Corefile with all that it imports in its place, by doImport of caddyfile/parse.go of github.com/coredns/caddy: a
 * snippet that stands before it, else a file or a pattern of files.
 *
 *     (snip) {
 *         errors
 *     }
 *     . {
 *         import snip
 *         import /etc/coredns/custom/*.override
 *     }
 */
import type { CorefilePlace, UnreadLine } from './corefile.ts';
import { type Word, wordsOf } from './corefile-words.ts';

export type Files = Readonly<Record<string, string>>;

export interface CorefileProblem {
  readonly place: CorefilePlace;
  readonly because: string;
}

export interface WholeCorefile {
  readonly words: readonly Word[];
  readonly unread: readonly UnreadLine[];
  readonly problem: CorefileProblem | null;
}

/** CoreDNS' own limit is 1,000 of either sort. */
const mostImports = 1000;
/** A ConfigMap has at most 1 MiB; the longest Corefiles known have some thousand words. */
const mostWords = 50_000;

interface Expansion {
  readonly files: Files;
  readonly custom: Files;
  readonly snippets: Map<string, readonly Word[]>;
  /** By file: one that is imported a thousand times is read once. */
  readonly known: Map<string, readonly Word[]>;
  readonly words: Word[];
  readonly unread: UnreadLine[];
  imports: number;
}

/** @param custom files in the folder `custom` beside the Corefile. */
export function withImports(files: Files, custom: Files): WholeCorefile {
  const main = 'Corefile';
  const expansion: Expansion = {
    files,
    custom,
    snippets: new Map(),
    known: new Map(),
    words: [],
    unread: [],
    imports: 0,
  };
  const problem = expand(wordsIn(main, files[main] ?? '', expansion), expansion);
  return { words: expansion.words, unread: expansion.unread, problem };
}

function expand(words: readonly Word[], expansion: Expansion): CorefileProblem | null {
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word === undefined) break;
    if (expansion.words.length >= mostWords) {
      return { place: word.place, because: `it has more than ${mostWords} words with all that it imports` };
    }
    const snippet = snippetName(word, words[at + 1]);
    if (snippet !== null) {
      const end = endOfBlock(words, at + 2);
      if (end === null) return { place: word.place, because: `the snippet (${snippet}) is not closed` };
      if (expansion.snippets.has(snippet)) {
        return { place: word.place, because: `the snippet (${snippet}) is there twice` };
      }
      expansion.snippets.set(snippet, words.slice(at + 2, end));
      at = end;
    } else if (word.startsLine && word.text === 'import') {
      const args = restOfLine(words, at + 1);
      const problem = importOne(word.place, args, expansion);
      if (problem !== null) return problem;
      at += args.length;
    } else {
      expansion.words.push(word);
    }
  }
  return null;
}

/** The words of a file; lines that were left out because they may hold a secret mean nothing here. */
function wordsIn(file: string, text: string, { known, unread }: Expansion): readonly Word[] {
  const before = known.get(file);
  if (before !== undefined) return before;
  const lines = text.split('\n').map((line, index) => {
    const leftOut = /^\s*\(left out\)( \{)?\s*$/.exec(line);
    if (leftOut === null) return line;
    const because = 'it was left out, since it may hold a secret';
    unread.push({ place: { file, line: index + 1 }, text: line.trim(), because });
    return leftOut[1] === undefined ? '' : 'left-out {';
  });
  const words = wordsOf(file, lines.join('\n'));
  known.set(file, words);
  return words;
}

function importOne(place: CorefilePlace, args: readonly Word[], expansion: Expansion): CorefileProblem | null {
  const [what] = args;
  if (what === undefined || args.length > 1) return { place, because: 'import takes one name, pattern or snippet' };
  expansion.imports++;
  if (expansion.imports > mostImports) {
    return { place, because: `there are more than ${mostImports} imports: some of them go round in a circle` };
  }
  const snippet = expansion.snippets.get(what.text);
  if (snippet !== undefined) return expand(snippet, expansion);
  const found = filesNamed(what.text, expansion);
  if (typeof found === 'string') {
    expansion.unread.push({ place, text: `import ${what.text}`.slice(0, 120), because: found });
    return null;
  }
  for (const [file, text] of found) {
    const problem = expand(wordsIn(file, text, expansion), expansion);
    if (problem !== null) return problem;
  }
  return null;
}

/** The files that a pattern stands for, sorted as Go's Glob does; a sentence where it is not known what lies there. */
function filesNamed(pattern: string, { files, custom }: Expansion): readonly (readonly [string, string])[] | string {
  const slash = pattern.lastIndexOf('/');
  const folder = slash < 0 ? '.' : pattern.slice(0, slash);
  const name = pattern.slice(slash + 1);
  const isCustom = ['custom', './custom', '/etc/coredns/custom'].includes(folder);
  if (!isCustom && !['.', '/etc/coredns', '/etc'].includes(folder)) {
    return 'what lies in this folder is in no ConfigMap that is read';
  }
  const stars = name.split('*');
  if (stars.length > 2 || /[?[\]{}]/.test(name)) return 'such patterns are not understood';
  const [before = '', after] = stars;
  const fits = (key: string) =>
    after === undefined
      ? key === name
      : key.length >= before.length + after.length && key.startsWith(before) && key.endsWith(after);
  const found = Object.entries(isCustom ? custom : files).filter(([key]) => fits(key));
  // A pattern that fits nothing is none of CoreDNS' trouble; a file that is not there keeps it from starting.
  if (found.length === 0 && after === undefined) return 'this file is in no ConfigMap that is read';
  return found
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, text]) => [isCustom ? `custom/${key}` : key, text] as const);
}

function snippetName(word: Word, next: Word | undefined): string | null {
  const { text, startsLine } = word;
  if (!startsLine || next?.text !== '{' || !text.startsWith('(') || !text.endsWith(')')) return null;
  return text.slice(1, -1);
}

/** The index of the brace that closes what begins at `from`. */
function endOfBlock(words: readonly Word[], from: number): number | null {
  let open = 1;
  for (let at = from; at < words.length; at++) {
    const text = words[at]?.text;
    if (text === '{') open++;
    else if (text === '}') open--;
    if (open === 0) return at;
  }
  return null;
}

function restOfLine(words: readonly Word[], from: number): readonly Word[] {
  const next = words.findIndex(({ startsLine }, at) => at >= from && startsLine);
  return words.slice(from, next < 0 ? words.length : next);
}
