/** Wanted beside real: what differs between two sentences of the audit such as `pod: forward to a, b; node: drop`. */

export interface Word {
  readonly text: string;
  /** Whether the other side lacks it. */
  readonly differs: boolean;
}

/** What becomes of the packets of one origin. */
export interface Side {
  /** `pod`, `node` or `outside`; null where it is the same whatever they come from. */
  readonly origin: string | null;
  readonly wanted: readonly Word[];
  readonly real: readonly Word[];
}

const originNames = /(?:^|; )(?=(?:pod|node|outside): )/;

/** One line for each origin, in which backends and words are marked that the other side has not. */
export function sideBySide(wanted: string, real: string): readonly Side[] {
  const [ones, others] = [byOrigin(wanted), byOrigin(real)];
  const origins = [...new Set([...ones.keys(), ...others.keys()])].filter((origin) => origin !== '');
  if (origins.length === 0) return [side(null, wanted, real)];
  const of = (texts: ReadonlyMap<string, string>, origin: string) => texts.get(origin) ?? texts.get('') ?? '';
  return origins.map((origin) => side(origin, of(ones, origin), of(others, origin)));
}

/** The sentence of each origin; under '' what holds for those that are not named. */
function byOrigin(text: string): ReadonlyMap<string, string> {
  const parts = text.split(originNames).filter((part) => part !== '');
  return new Map(
    parts.map((part) => {
      const [, origin = '', sentence = part] = /^(pod|node|outside): ([\s\S]*)$/.exec(part) ?? [];
      return [origin, sentence];
    }),
  );
}

function side(origin: string | null, wanted: string, real: string): Side {
  const [one, other] = [wordsOf(wanted), wordsOf(real)];
  return { origin, wanted: marked(one, other), real: marked(other, one) };
}

/** Cut behind commas, semicolons and blanks, which stay with what stands before them: joined again it is the text. */
function wordsOf(text: string): readonly string[] {
  return text.match(/[^\s]+\s*/g) ?? [];
}

function marked(words: readonly string[], others: readonly string[]): readonly Word[] {
  const known = new Set(others.map(bare));
  // A list of two has an `and` that a list of one has not: that is no difference.
  return words.map((text) => ({ text, differs: bare(text) !== 'and' && !known.has(bare(text)) }));
}

/** The word without what separates it from the next. */
function bare(word: string): string {
  return word.trim().replace(/[,;]$/, '');
}
