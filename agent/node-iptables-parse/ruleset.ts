/**
 * A parsed dump without one object per rule: a rule is a *shape* and its *operands*.
 *
 *     -A KUBE-SEP-X -s 10.0.0.7/32 -m comment --comment "shop/web" -j KUBE-MARK-MASQ
 *                  ^^^^~~~~~~~~~~~^^^^^^^^^^^^^^^^^^^^^^~~~~~~~~~~^^^^~~~~~~~~~~~~~~
 *     shape    " -s * -m comment --comment * -j *"     slots: source, comment, jump
 *     operands  word 17, word 4, chain 9
 *
 * A hundred shapes make up hundreds of thousands of rules, so what depends on the shape is worked out once.
 */

import type { Rule } from './rule.ts';

/** The word behind `-s -d -j/-g --to-destination --dport --comment --probability` and `-m recent --name`. */
export type Slot =
  | 'source'
  | 'destination'
  | 'jump'
  | 'to-destination'
  | 'destination-port'
  | 'comment'
  | 'probability'
  | 'recent-name';

export interface Shape {
  readonly id: number;
  /** In the order of the line. */
  readonly slots: readonly Slot[];
}

export interface Ruleset {
  /** In the dump's order. */
  readonly tables: ReadonlyMap<string, Table>;
  /** Tables of which iptables-nft says that only nft can show them. Never one of the expected. */
  readonly incompatible: readonly string[];
  readonly shapeCount: number;
  /** Shapes are shared by all tables. */
  shape(id: number): Shape;
  readonly wordCount: number;
  /**
   * The word verbatim, quotes and escapes included, one character per byte (latin1): lossless.
   * Equal ids are equal words; different ids are nearly always, but not surely, different words.
   */
  word(id: number): string;
  /** Whether the word is the first `length` characters of `text` followed by `suffix`; makes no string. */
  wordIs(id: number, text: string, length: number, suffix: string): boolean;
  /** The same as bytes: a view that must not be written to. */
  wordBytes(id: number): Uint8Array;
  /**
   * Frees the dump's memory at once; nothing of it may be read afterwards. Whoever reads dump after dump calls it: the
   * collector counts typed arrays for little and would let several dumps pile up.
   */
  release(): void;
  /** The word as it was meant: without quotes and escapes, read as UTF-8 where it is UTF-8. */
  wordText(id: number): string;
}

export interface Table {
  readonly name: string;
  /** Line of `*name` in the dump, from 1. */
  readonly line: number;
  readonly chainCount: number;
  chainName(chain: number): string;
  /** The chain's index, or -1. */
  findChain(name: string): number;
  /** `ACCEPT` or `DROP` of a builtin chain; null for any other chain. */
  policy(chain: number): string | null;
  /** The policy and counters as printed: `ACCEPT [7:420]`, `- [0:0]`. */
  chainHeader(chain: number): string;
  readonly ruleCount: number;
  /** Rules of chain c are ruleStart[c] .. ruleStart[c + 1] - 1, in order. */
  readonly ruleStart: Uint32Array;
  /** Rule -> shape id. */
  readonly shapeOf: Uint32Array;
  /** Operands of rule r are operands[operandStart[r]] .. operands[operandStart[r + 1] - 1], one per slot. */
  readonly operandStart: Uint32Array;
  /** Word id, or for a jump the chain's index in this table. */
  readonly operands: Int32Array;
  /** Rules in the order of the dump's lines, or null where that is 0, 1, 2 ... (as iptables-save prints). */
  readonly lineOrder: Uint32Array | null;
  /** The chain that holds a rule. */
  chainOf(rule: number): number;
  /** The rule typed; what its shape decides is worked out once. */
  rule(rule: number): Rule;
  /** The line without counters and newline, `-A CHAIN ...`, read as UTF-8 where it is UTF-8. */
  text(rule: number): string;
  /** `[1:2]` as printed before the rule, or '' (dump without -c). */
  counterText(rule: number): string;
  /** As `text`, one character per byte: what printing uses. */
  verbatim(rule: number): string;
}
