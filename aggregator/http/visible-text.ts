/**
 * Text of others, made harmless for whoever shows it. Names and rules come from nodes: control characters move a
 * terminal's cursor and colour its text (https://www.ecma-international.org/publications-and-standards/standards/ecma-48/),
 * bidirectional marks change the order in which text is read (https://trojansource.codes).
 */

/** Controls (C0, DEL, C1), line and paragraph separators, what is not seen, what turns the direction, lone surrogates. */
const hostile =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Cs}|[\u{e0000}-\u{e0fff}]/gu;

/** The text with every such character written out, `\u{1b}`; line breaks too. Other text is given back as it is. */
export function visibleText(text: string): string {
  return text.replace(hostile, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** JSON or the like in which such characters stand within quotes only: the same value, in characters that are seen. */
export function visibleQuoted(json: string): string {
  return json.replace(hostile, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, unit) => unitEscape(character.charCodeAt(unit))).join(''),
  );
}

/** Whether anything in the text would be written out. */
export function isHostile(text: string): boolean {
  return text.search(hostile) !== -1;
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
