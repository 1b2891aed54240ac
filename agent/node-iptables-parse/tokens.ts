/** A rule's shape as words, and the words of one match or target as options. */

/** A word; `slot` is the place of its value among the rule's operands, -1 for fixed text. */
export interface Token {
  readonly text: string;
  readonly slot: number;
}

/** `! --dport 80` or, as iptables printed up to 1.4.2, `--dport ! 80`. */
export interface Option {
  /** '' for words before the first option. */
  readonly name: string;
  readonly negated: boolean;
  readonly values: readonly Token[];
}

/**
 * The words of a shape, in order.
 * @param pieces the fixed text around the operands
 */
export function tokenize(pieces: readonly string[]): readonly Token[] {
  const tokens: Token[] = [];
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) tokens.push({ text: '', slot: i - 1 });
    for (let at = 0; at < piece.length; ) {
      const end = endOfWord(piece, at);
      if (end > at) tokens.push({ text: piece.slice(at, end), slot: -1 });
      at = end + 1;
    }
  }
  return tokens;
}

function endOfWord(text: string, at: number): number {
  let end = at;
  if (text[end] === '"') {
    end += 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    end += 1;
  }
  while (end < text.length && text[end] !== ' ') end += 1;
  return end;
}

/** Sorts the words of one match or target into options and their values. */
export function readOptions(tokens: readonly Token[]): readonly Option[] {
  const options: { name: string; negated: boolean; values: Token[] }[] = [];
  let banged = false;
  for (const token of tokens) {
    const last = options.at(-1);
    if (token.slot < 0 && token.text === '!') {
      banged = true;
    } else if (token.slot < 0 && token.text.startsWith('--')) {
      options.push({ name: token.text, negated: banged, values: [] });
      banged = false;
    } else if (last === undefined) {
      options.push({ name: '', negated: banged, values: [token] });
      banged = false;
    } else {
      if (banged) last.negated = true;
      last.values.push(token);
      banged = false;
    }
  }
  return options;
}
