/** Rules as lines that can be copied, with their table and what there is to say of them as comments. */

export interface RuleLine {
  readonly table: string;
  readonly rule: string;
  readonly note: string;
}

/**
 * ```
 * # nat
 * # the first rule that packets to tcp 10.96.0.10:53 meet
 * -A PREROUTING -j KUBE-SERVICES
 * ```
 */
export function ruleText(rules: readonly RuleLine[]): string {
  return rules
    .flatMap(({ table, rule, note }, at) => [
      ...(rules[at - 1]?.table === table ? [] : [`# ${table}`]),
      ...(note === '' ? [] : [`# ${note}`]),
      rule,
    ])
    .join('\n');
}

export interface TextPiece {
  readonly text: string;
  /** Whether it is one of the words that were looked for. */
  readonly isOne: boolean;
}

/** The text cut around these words, an address with its port for example: joined again it is the text. */
export function piecesWith(text: string, words: readonly string[]): readonly TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  for (let at = 0; at < text.length; at++) {
    const word = words.find((each) => each !== '' && text.startsWith(each, at) && isWhole(text, at, each.length));
    if (word === undefined) continue;
    if (at > end) pieces.push({ text: text.slice(end, at), isOne: false });
    pieces.push({ text: word, isOne: true });
    end = at + word.length;
    at = end - 1;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), isOne: false });
  return pieces;
}

/** `10.244.1.9:80` is no part of `10.244.1.9:8080`. */
function isWhole(text: string, at: number, length: number): boolean {
  return !/[\w.]/.test(text[at - 1] ?? ' ') && !/\w/.test(text[at + length] ?? ' ');
}
