/**
 * The words of a Corefile, by caddyfile/lexer.go of github.com/coredns/caddy: parted by white space, quoted with `"`,
 * and the rest of a line from `#` on is a comment.
 *
 *     forward . 10.0.0.2 { # the office
 *         except "corp.example"
 */
import type { CorefilePlace } from './corefile.ts';

export interface Word {
  readonly text: string;
  readonly place: CorefilePlace;
  /** It is the first of its line. */
  readonly startsLine: boolean;
}

/** All words of a file. A quote that never ends goes to the end of the file, as CoreDNS has it. */
export function wordsOf(file: string, text: string): readonly Word[] {
  const words: Word[] = [];
  let line = 1;
  let startsLine = true;
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '\n') {
      line++;
      startsLine = true;
      at++;
    } else if (isSpace(char)) {
      at++;
    } else if (char === '#') {
      at = endOfLine(text, at);
    } else {
      const { word, end } = char === '"' ? quoted(text, at) : plain(text, at);
      words.push({ text: word, place: { file, line }, startsLine });
      line += newlinesIn(text.slice(at, end));
      startsLine = false;
      at = end;
    }
  }
  return words;
}

function isSpace(char: string): boolean {
  return char.trim() === '' || char === '\uFEFF';
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** A comment may begin within a word. */
function plain(text: string, from: number): { readonly word: string; readonly end: number } {
  let end = from;
  while (end < text.length && text.charAt(end) !== '#' && !isSpace(text.charAt(end))) end++;
  return { word: text.slice(from, end), end };
}

/** Within quotes only a quote is escaped: any other backslash stands for itself. */
function quoted(text: string, from: number): { readonly word: string; readonly end: number } {
  let end = from + 1;
  while (end < text.length && text.charAt(end) !== '"') end += text.startsWith('\\"', end) ? 2 : 1;
  return { word: text.slice(from + 1, end).replaceAll('\\"', '"'), end: Math.min(end + 1, text.length) };
}

function newlinesIn(text: string): number {
  return text.split('\n').length - 1;
}
