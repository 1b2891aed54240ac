/**
 * Splits the text of one rule behind `-A CHAIN` into its shape and its operands, in one pass over the bytes.
 *
 *     " -s 10.0.0.7/32 -m comment --comment \"shop/web\" -j KUBE-MARK-MASQ\n"
 *
 * Words are parted by single blanks; a word that begins with `"` runs to the next `"` that no `\` escapes
 * (xtables_save_string in iptables). Two blanks in a row, as `-m nfacct --nfacct-name  NAME` has, are an empty word
 * between them: it stays in the shape like all text that is in no slot.
 */

import { GrowingInts } from './growing.ts';
import type { Slot } from './ruleset.ts';
import { standsAt, type Text, textOf, type Words } from './words.ts';

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const BLANK = 32;
const QUOTE = 34;
const DASH = 45;
const BACKSLASH = 92;
const BANG = 33;

/** Stands for an operand in a shape: no line may hold it. */
export const PLACEHOLDER = 0;

const NAMES = {
  comment: textOf(Buffer.from('--comment')),
  destinationPort: textOf(Buffer.from('--dport')),
  name: textOf(Buffer.from('--name')),
  probability: textOf(Buffer.from('--probability')),
  recent: textOf(Buffer.from('recent ')),
  toDestination: textOf(Buffer.from('--to-destination')),
} as const;

/** The slot behind an option; what `slotBehind` below decides byte by byte. */
export const SLOT_OF_OPTION: ReadonlyMap<string, Slot> = new Map<string, Slot>([
  ['-s', 'source'],
  ['-d', 'destination'],
  ['-j', 'jump'],
  ['-g', 'jump'],
  ['--to-destination', 'to-destination'],
  ['--dport', 'destination-port'],
  ['--comment', 'comment'],
  ['--probability', 'probability'],
  ['--name', 'recent-name'],
]);

type SlotRule = 0 | 1 | 2 | 3;
const NO_SLOT = 0;
/** The word is a value: not an option, not `!`. */
const VALUE = 1;
/** Any word at all: text that a user chose. */
const FREE_TEXT = 2;
/** A chain of this table. */
const CHAIN = 3;

export type ScanError = 'control-byte' | 'line-too-long' | 'open-quote';

function slotBehind(text: Text, start: number, length: number, module: number): SlotRule {
  switch (length) {
    case 2:
      switch (text.bytes[start + 1]) {
        case 0x73: // -s
        case 0x64: // -d
          return VALUE;
        case 0x6a: // -j
        case 0x67: // -g
          return CHAIN;
        default:
          return NO_SLOT;
      }
    case 6:
      return standsAt(NAMES.name, text, start) && module > 0 && standsAt(NAMES.recent, text, module)
        ? FREE_TEXT
        : NO_SLOT;
    case 7:
      return standsAt(NAMES.destinationPort, text, start) ? VALUE : NO_SLOT;
    case 9:
      return standsAt(NAMES.comment, text, start) ? FREE_TEXT : NO_SLOT;
    case 13:
      return standsAt(NAMES.probability, text, start) ? VALUE : NO_SLOT;
    case 16:
      return standsAt(NAMES.toDestination, text, start) ? VALUE : NO_SLOT;
    default:
      return NO_SLOT;
  }
}

/** True for a byte of a word; blank and newline end it. NUL and CR end it too and are refused by the caller. */
function goesOn(byte: number): boolean {
  return byte > BLANK || (byte !== BLANK && byte !== NEWLINE && byte !== 0 && byte !== CARRIAGE_RETURN);
}

/**
 * Where the word at `at` ends. The text ends in a newline, so no bound is needed.
 * @returns the index of the byte behind it, or -1 for a quote that is not closed on the line
 */
function endOfWord(text: Text, at: number): number {
  const bytes = text.bytes;
  let end = at;
  if (bytes[end] === QUOTE) {
    end += 1;
    for (;;) {
      const byte = bytes[end];
      if (byte === QUOTE) break;
      if (byte === NEWLINE || byte === 0 || byte === CARRIAGE_RETURN || byte === undefined) return -1;
      if (byte === BACKSLASH && goesOn(bytes[end + 1] ?? NEWLINE)) end += 1;
      end += 1;
    }
    end += 1;
  }
  end = endOfPlain(text, end);
  while (goesOn(bytes[end] ?? NEWLINE)) end = endOfPlain(text, end + 1);
  return end;
}

/** The first byte from `at` on that is a blank or a control byte. */
export function endOfPlain(text: Text, at: number): number {
  const { bytes, view } = text;
  const last = bytes.length - 4;
  let end = at;
  while (end <= last) {
    // Four bytes at a time: the sign bit of a byte below 33 is set in (four - 33 each) and not in four.
    const four = view.getInt32(end, true);
    if (((four - 0x21212121) & ~four & 0x80808080) !== 0) break;
    end += 4;
  }
  while ((bytes[end] ?? 0) > BLANK) end += 1;
  return end;
}

/** A shape laid out for comparing: fixed text, operand, fixed text, operand ... fixed text. */
interface Template {
  readonly pieces: readonly Text[];
  /** The rule of each operand's slot. */
  readonly slots: readonly SlotRule[];
}

/** Scans the rules of one table: templates hold only as long as the same chains are declared. */
export class RuleScanner {
  /** Operands of all rules so far. */
  readonly operands = new GrowingInts(1 << 6);
  /** Id of the shape of the rule scanned last. */
  shape = -1;
  error: ScanError = 'control-byte';
  readonly #words: Words;
  readonly #shapes: Words;
  readonly #chains: Words;
  readonly #fixed: Text;
  /** Of the line being split: where its placeholders stand, and the rules of their slots. */
  readonly #ends: number[] = [];
  readonly #slots: SlotRule[] = [];
  readonly #templates: (Template | undefined)[] = [];
  /** Shape -> the shape that followed it last time: kube-proxy's rules come in pairs and runs. */
  readonly #next: number[] = [];

  /** @param scratch as long as a line may be */
  constructor(words: Words, shapes: Words, chains: Words, scratch: Text) {
    this.#words = words;
    this.#shapes = shapes;
    this.#chains = chains;
    this.#fixed = scratch;
  }

  /**
   * Scans from behind the chain's name to the end of the line.
   * @param at the blank or newline behind the name
   * @returns the index of the newline, or -1 with `error` set
   */
  scan(text: Text, at: number): number {
    const last = this.shape;
    const expected = last < 0 ? -1 : (this.#next[last] ?? -1);
    const template = expected < 0 ? undefined : this.#templates[expected];
    if (template !== undefined) {
      const operands = this.operands.length;
      const end = this.#follow(template, text, at);
      if (end >= 0) {
        this.shape = expected;
        return end;
      }
      this.operands.length = operands;
    }
    const end = this.#split(text, at);
    if (end >= 0 && last >= 0) this.#next[last] = this.shape;
    return end;
  }

  /** @returns the index of the newline if the line has the template's shape, else -1: `#split` then says what it has */
  #follow(template: Template, text: Text, at: number): number {
    const { pieces, slots } = template;
    let from = at;
    for (let i = 0; i < pieces.length; i += 1) {
      const piece = pieces[i];
      if (piece === undefined || !standsAt(piece, text, from)) return -1;
      from += piece.bytes.length;
      const slot = slots[i] ?? NO_SLOT;
      if (slot === NO_SLOT) break;
      from = this.#takeOperand(text, from, slot);
      if (from <= 0) return -1;
    }
    return text.bytes[from] === NEWLINE && from - at <= this.#fixed.bytes.length ? from : -1;
  }

  #split(text: Text, at: number): number {
    const bytes = text.bytes;
    const fixed = this.#fixed.bytes;
    let from = at;
    let used = 0;
    let module = 0;
    this.#ends.length = 0;
    this.#slots.length = 0;
    while (bytes[from] === BLANK) {
      fixed[used] = BLANK;
      used += 1;
      const start = from + 1;
      const end = endOfWord(text, start);
      if (end < 0) return this.#refuse('open-quote');
      for (let i = start; i < end; i += 1, used += 1) fixed[used] = bytes[i] ?? 0;
      from = end;
      if (bytes[end] !== BLANK || bytes[start] !== DASH) continue;
      if (end - start === 2 && bytes[start + 1] === 0x6d) module = end + 1; // -m
      const slot = slotBehind(text, start, end - start, module);
      if (slot === NO_SLOT) continue;
      const behind = this.#takeOperand(text, end + 1, slot);
      if (behind < 0) return this.#refuse('open-quote');
      if (behind === 0) continue;
      fixed[used] = BLANK;
      fixed[used + 1] = PLACEHOLDER;
      this.#ends.push(used + 1);
      this.#slots.push(slot);
      used += 2;
      from = behind;
    }
    if (bytes[from] !== NEWLINE) return this.#refuse('control-byte');
    if (from - at > fixed.length) return this.#refuse('line-too-long');
    this.shape = this.#shapes.intern(this.#fixed, 0, used);
    this.#templates[this.shape] ??= this.#layOut(used);
    return from;
  }

  #layOut(used: number): Template {
    const fixed = this.#fixed.bytes;
    const ends = [...this.#ends, used];
    const pieces = ends.map((end, i) => textOf(fixed.slice((ends[i - 1] ?? -1) + 1, end)));
    return { pieces, slots: [...this.#slots] };
  }

  /** @returns the index behind the operand, 0 when the word there is none, -1 for an open quote */
  #takeOperand(text: Text, start: number, slot: SlotRule): number {
    const first = text.bytes[start] ?? NEWLINE;
    if (first === BLANK || first === NEWLINE) return 0;
    if (slot !== FREE_TEXT && (first === DASH || first === BANG || first === QUOTE)) return 0;
    const end = endOfWord(text, start);
    if (end <= start) return end === start ? 0 : -1;
    if (slot !== CHAIN) {
      this.operands.push(this.#words.intern(text, start, end));
      return end;
    }
    const chain = this.#chains.find(text, start, end);
    if (chain < 0) return 0;
    this.operands.push(chain);
    return end;
  }

  #refuse(error: ScanError): -1 {
    this.error = error;
    return -1;
  }
}
