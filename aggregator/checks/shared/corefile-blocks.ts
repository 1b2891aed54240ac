/**
 * Server blocks and the lines of their plugins, by caddyfile/parse.go of github.com/coredns/caddy.
 *
 *     example.org, example.net:1053 {
 *         forward . 10.0.0.2 {
 *             max_fails 3
 *         }
 *     }
 */
import type { CorefilePlace } from './corefile.ts';
import type { CorefileProblem } from './corefile-imports.ts';
import type { Word } from './corefile-words.ts';

export interface PluginLine {
  readonly words: readonly string[];
  readonly place: CorefilePlace;
}

/** A plugin's line: `forward . 10.0.0.2` is its name and arguments; its block has lines. */
export interface PluginLines {
  readonly name: string;
  readonly place: CorefilePlace;
  readonly args: readonly string[];
  readonly lines: readonly PluginLine[];
}

export interface CorefileBlock {
  readonly keys: readonly string[];
  readonly place: CorefilePlace;
  readonly plugins: readonly PluginLines[];
}

/** What came of a piece of the words: the value, and the index of the word behind it. */
type Piece<T> =
  | { readonly ok: true; readonly value: T; readonly end: number }
  | { readonly ok: false; readonly problem: CorefileProblem };

/** All blocks; those before a problem where there is one. */
export function readBlocks(words: readonly Word[]): {
  readonly blocks: readonly CorefileBlock[];
  readonly problem: CorefileProblem | null;
} {
  const blocks: CorefileBlock[] = [];
  let at = 0;
  while (at < words.length) {
    const block = readBlock(words, at);
    if (!block.ok) return { blocks, problem: block.problem };
    blocks.push(block.value);
    at = block.end;
  }
  return { blocks, problem: null };
}

function readBlock(words: readonly Word[], from: number): Piece<CorefileBlock> {
  const keys = readKeys(words, from);
  if (!keys.ok) return keys;
  const place = words[from]?.place ?? { file: '', line: 1 };
  const isBraced = words[keys.end]?.text === '{';
  const plugins: PluginLines[] = [];
  let at = isBraced ? keys.end + 1 : keys.end;
  while (at < words.length && words[at]?.text !== '}') {
    const plugin = readPluginLines(words, at);
    if (!plugin.ok) return plugin;
    plugins.push(plugin.value);
    at = plugin.end;
  }
  if (isBraced && at >= words.length) return refuse(words, from, 'this block is not closed');
  if (!isBraced && at < words.length) return refuse(words, at, 'this brace closes nothing');
  return { ok: true, value: { keys: keys.value, place, plugins }, end: at + 1 };
}

/** The names before a block: on one line, and on the next where a comma says so. */
function readKeys(words: readonly Word[], from: number): Piece<readonly string[]> {
  const keys: string[] = [];
  let goesOn = true;
  let at = from;
  for (; at < words.length; at++) {
    const word = words[at];
    if (word === undefined || word.text === '{' || (word.startsLine && !goesOn)) break;
    goesOn = word.text.endsWith(',');
    const key = goesOn ? word.text.slice(0, -1) : word.text;
    if (key !== '') keys.push(key);
    if (key === '}') return refuse(words, at, 'this brace closes nothing');
  }
  if (keys.length === 0) return refuse(words, from, 'this block has no zone');
  return { ok: true, value: keys, end: at };
}

function readPluginLines(words: readonly Word[], from: number): Piece<PluginLines> {
  const name = words[from];
  if (name === undefined || name.text === '{') return refuse(words, from, 'this brace belongs to no plugin');
  const args: string[] = [];
  const lines: { words: string[]; readonly place: CorefilePlace }[] = [];
  let nesting = 0;
  let at = from + 1;
  for (; at < words.length; at++) {
    const word = words[at];
    if (word === undefined || (nesting === 0 && word.startsLine && word.text !== '{')) break;
    if (nesting === 0 && word.text === '}') return refuse(words, at, 'this brace closes nothing');
    if (word.text === '{') nesting++;
    if (word.text === '}') nesting--;
    const isOuterBrace = (word.text === '{' && nesting === 1) || (word.text === '}' && nesting === 0);
    if (isOuterBrace) continue;
    if (nesting === 0) args.push(word.text);
    else if (word.startsLine || lines.length === 0) lines.push({ words: [word.text], place: word.place });
    else lines.at(-1)?.words.push(word.text);
  }
  if (nesting > 0) return refuse(words, from, `the block of ${name.text} is not closed`);
  return { ok: true, value: { name: name.text, place: name.place, args, lines }, end: at };
}

function refuse(words: readonly Word[], at: number, because: string): Extract<Piece<never>, { ok: false }> {
  return { ok: false, problem: { place: words[at]?.place ?? { file: 'Corefile', line: 1 }, because } };
}
