/** Words of a dump as values. Nothing here uses a regular expression: a dump is foreign text. */

/** Text of one character per byte, read as UTF-8 if it is UTF-8, else left alone. */
export function decodeText(bytes: string): string {
  for (let i = 0; i < bytes.length; i += 1) {
    if (bytes.charCodeAt(i) > 127) {
      const buffer = Buffer.from(bytes, 'latin1');
      const text = buffer.toString();
      return Buffer.from(text).equals(buffer) ? text : bytes;
    }
  }
  return bytes;
}

/** A word without its quotes and escapes (xtables_save_string escapes `"`, `\` and `'`). */
export function unquote(word: string): string {
  if (!word.startsWith('"')) return decodeText(word);
  let text = '';
  let from = 1;
  for (let i = 1; i < word.length; i += 1) {
    if (word[i] === '\\') {
      text += word.slice(from, i);
      from = i + 1;
      i += 1;
    } else if (word[i] === '"') {
      return decodeText(text + word.slice(from, i) + word.slice(i + 1));
    }
  }
  return decodeText(text + word.slice(from));
}

/** A whole number below 2^32 in decimal or, after `0x`, hexadecimal digits; else null. */
export function parseWhole(text: string): number | null {
  const hexadecimal = text.startsWith('0x');
  const digits = hexadecimal ? text.slice(2) : text;
  if (digits === '' || digits.length > 10) return null;
  for (const digit of digits) if (!(hexadecimal ? '0123456789abcdefABCDEF' : '0123456789').includes(digit)) return null;
  const value = Number(text);
  return value < 2 ** 32 ? value : null;
}

/** `80` or `80:90`; null when it is neither, or runs backwards. */
export function parseRange(text: string): { readonly first: number; readonly last: number } | null {
  const colon = text.indexOf(':');
  const first = parsePort(colon < 0 ? text : text.slice(0, colon));
  const last = colon < 0 ? first : parsePort(text.slice(colon + 1));
  return first === null || last === null || first > last ? null : { first, last };
}

function parsePort(text: string): number | null {
  const port = text.startsWith('0x') ? null : parseWhole(text);
  return port !== null && port <= 65535 ? port : null;
}

/** `0x4000/0x4000`; without a mask all bits count. */
export function parseMasked(text: string): { readonly value: number; readonly mask: number } | null {
  const slash = text.indexOf('/');
  const value = parseWhole(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? 0xffffffff : parseWhole(text.slice(slash + 1));
  return value === null || mask === null ? null : { value, mask };
}

/** `0.33333333349` in parts of 2^31; null when it is no number from 0 to 1. */
export function parseProbability(text: string): number | null {
  let points = 0;
  for (const character of text) {
    if (character === '.') points += 1;
    else if (!'0123456789'.includes(character)) return null;
  }
  if (points > 1 || text.length === points) return null;
  const probability = Number(text);
  return probability <= 1 ? Math.round(probability * 2 ** 31) : null;
}
