/** Wanted beside real: what differs between two sentences of the audit such as `forward to a, b`. */

export interface Word {
  readonly text: string;
  /** Whether the other side lacks it. */
  readonly differs: boolean;
}

/** Backends and words of both sides, those marked that the other has not. */
export function sideBySide(
  wanted: string,
  real: string,
): { readonly wanted: readonly Word[]; readonly real: readonly Word[] } {
  const [one, other] = [wordsOf(wanted), wordsOf(real)];
  return { wanted: marked(one, other), real: marked(other, one) };
}

/** Cut behind commas, semicolons and blanks, which stay with what stands before them: joined again it is the text. */
function wordsOf(text: string): readonly string[] {
  return text.match(/[^\s]+\s*/g) ?? [];
}

function marked(words: readonly string[], others: readonly string[]): readonly Word[] {
  const known = new Set(others.map(bare));
  return words.map((text) => ({ text, differs: !known.has(bare(text)) }));
}

/** The word without what separates it from the next. */
function bare(word: string): string {
  return word.trim().replace(/[,;]$/, '');
}
