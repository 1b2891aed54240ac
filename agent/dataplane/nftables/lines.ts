/** Lines of nft's text: a line ends with a newline that stands in no quotes. */

export interface Line {
  /** Where it begins behind its blanks, and where it ends before those at its end. */
  readonly first: number;
  readonly last: number;
  /** Where the following line begins. */
  readonly next: number;
}

const TAB = 9;
const BLANK = 32;
const QUOTE = 34;
const NEWLINE = 10;

/** The line that begins at `start`. */
export function nextLine(text: string, start: number, end: number): Line {
  let at = start;
  let inQuotes = false;
  for (; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) inQuotes = !inQuotes;
    else if (code === NEWLINE && !inQuotes) break;
  }
  let first = start;
  let last = at;
  while (first < last && isBlank(text.charCodeAt(first))) first++;
  while (last > first && isBlank(text.charCodeAt(last - 1))) last--;
  return { first, last, next: at + 1 };
}

function isBlank(code: number): boolean {
  return code === TAB || code === BLANK;
}
