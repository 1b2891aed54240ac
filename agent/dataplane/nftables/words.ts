/**
 * The words of nft's text, one at a time: names, numbers and signs as they stand, a quoted string with its quotes, and
 * `{`, `}`, `,` and `;` each by itself. What stands behind a `#` (a handle, a count) is no word.
 *
 *     ip daddr . meta l4proto . th dport vmap { 10.96.0.1 . tcp . 443 : goto service-x }
 */
const TAB = 9;
const NEWLINE = 10;
const BLANK = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const SEMICOLON = 59;
const OPEN = 123;
const CLOSE = 125;

/** Reads words between two places of a text. The words are slices: they hold the text as long as they are held. */
export class WordReader {
  readonly #text: string;
  readonly #end: number;
  #next: number;
  #peeked: string | null | undefined;

  constructor(text: string, start = 0, end = text.length) {
    this.#text = text;
    this.#end = end;
    this.#next = start;
  }

  /** The next word, which stays the next one; null at the end. */
  peek(): string | null {
    if (this.#peeked === undefined) this.#peeked = this.#read();
    return this.#peeked;
  }

  /** The next word; null at the end. */
  take(): string | null {
    const word = this.#peeked === undefined ? this.#read() : this.#peeked;
    this.#peeked = undefined;
    return word;
  }

  /** Takes the next word if it is this one. */
  takes(word: string): boolean {
    if (this.peek() !== word) return false;
    this.#peeked = undefined;
    return true;
  }

  #read(): string | null {
    const text = this.#text;
    const end = this.#end;
    let at = this.#next;
    while (at < end && isSpace(text.charCodeAt(at))) at++;
    if (at < end && text.charCodeAt(at) === HASH) {
      const newline = text.indexOf('\n', at);
      this.#next = newline < 0 ? end : newline;
      return newline < 0 || newline >= end ? null : this.#read();
    }
    if (at >= end) {
      this.#next = end;
      return null;
    }
    let stop = at + 1;
    const first = text.charCodeAt(at);
    if (first === QUOTE) {
      const closing = text.indexOf('"', stop);
      stop = closing < 0 || closing >= end ? end : closing + 1;
    } else if (!isSign(first)) {
      while (stop < end && !isBreak(text.charCodeAt(stop))) stop++;
    }
    this.#next = stop;
    return text.slice(at, stop);
  }
}

function isSpace(code: number): boolean {
  return code === BLANK || code === TAB || code === NEWLINE;
}

function isSign(code: number): boolean {
  return code === COMMA || code === SEMICOLON || code === OPEN || code === CLOSE;
}

function isBreak(code: number): boolean {
  return isSpace(code) || isSign(code) || code === QUOTE;
}

/** The text between a word's quotes, or the word itself where it has none. */
export function unquoted(word: string): string {
  return word.startsWith('"') && word.endsWith('"') && word.length > 1 ? word.slice(1, -1) : word;
}

/** A copy of a short text that holds nothing else: a slice would hold the whole table that it was cut from. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
