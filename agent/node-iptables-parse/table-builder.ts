/** One table while its lines come in: first its `:CHAIN` lines, then its rules. */

import type { FailureCode } from './failure.ts';
import { GrowingInts } from './growing.ts';
import { endOfPlain, RuleScanner } from './scan.ts';
import { type SharedWords, TableStore } from './table.ts';
import { type Text, Words } from './words.ts';

/** Longest line, newline excluded. */
export const MAX_LINE_BYTES = 1 << 16;

/** What the tables of a dump share while they are read. */
export interface Shared extends SharedWords {
  /** MAX_LINE_BYTES long. */
  readonly scratch: Text;
}

const NEWLINE = 10;
const BLANK = 32;
const DASH = 45;
const COLON = 58;

export class TableBuilder {
  readonly name: string;
  /** Set when a read function returned -1. */
  error: { readonly code: FailureCode; readonly message: string } = { code: 'garbage', message: '' };
  readonly #line: number;
  readonly #shared: Shared;
  readonly #words: Words;
  readonly #scanner: RuleScanner;
  readonly #chains: Words;
  /** Chain -> word id of `ACCEPT [7:420]`. */
  readonly #headers = new GrowingInts(1 << 6);
  readonly #chainOf = new GrowingInts(1 << 6);
  readonly #shapeOf = new GrowingInts(1 << 6);
  readonly #operandStart = new GrowingInts(1 << 6);
  /** Rule -> word id of `[1:2]`; null while no rule had counters. */
  #counters: GrowingInts | null = null;
  #chain = 0;

  constructor(name: string, line: number, shared: Shared) {
    this.name = name;
    this.#line = line;
    this.#shared = shared;
    this.#words = shared.words;
    this.#chains = new Words(shared.words.seed);
    this.#scanner = new RuleScanner(shared.words, shared.shapes.words, this.#chains, shared.scratch);
  }

  /**
   * Reads `:NAME POLICY [packets:bytes]`.
   * @returns the index of the newline, or -1 with `error` set
   */
  readChain(text: Text, at: number): number {
    const nameEnd = endOfPlain(text, at + 1);
    const newline = endOfHeader(text, nameEnd);
    if (nameEnd === at + 1 || newline < 0) return this.#refuseLine(text, at, 'no chain line');
    const before = this.#chains.count;
    const chain = this.#chains.intern(text, at + 1, nameEnd);
    if (this.#chains.count === before) {
      return this.#refuse('duplicate-chain', `table ${this.name} declares ${this.#chainName(chain)} twice`);
    }
    if (this.#chains.lost > 0) {
      return this.#refuse('too-big', `too many names of chains in table ${this.name} collide under this seed`);
    }
    const last = this.#headers.items[this.#headers.length - 1];
    const same =
      last !== undefined &&
      this.#headers.length > 0 &&
      this.#words.lengthOf(last) === newline - nameEnd - 1 &&
      this.#words.standsAt(last, text, nameEnd + 1);
    this.#headers.push(same ? last : this.#words.intern(text, nameEnd + 1, newline));
    return newline;
  }

  /**
   * Reads `-A CHAIN ...` or `[packets:bytes] -A CHAIN ...`.
   * @returns the index of the newline, or -1 with `error` set
   */
  readRule(text: Text, at: number): number {
    const bytes = text.bytes;
    let from = at;
    if (bytes[from] !== DASH) {
      from = this.#readCounters(text, at);
      if (from < 0) return this.#refuseLine(text, at, 'no rule');
    }
    if (bytes[from] !== DASH || bytes[from + 1] !== 0x41 || bytes[from + 2] !== BLANK) {
      return this.#refuseLine(text, at, 'no rule');
    }
    const nameEnd = this.#findChain(text, from + 3);
    if (nameEnd < 0) return -1;
    this.#operandStart.push(this.#scanner.operands.length);
    const newline = this.#scanner.scan(text, nameEnd);
    if (newline < 0) return this.#refuse(this.#scanner.error, scanMessages[this.#scanner.error]);
    this.#chainOf.push(this.#chain);
    this.#shapeOf.push(this.#scanner.shape);
    return newline;
  }

  /** The finished table. The builder must not be used again. */
  finish(): TableStore {
    this.#operandStart.push(this.#scanner.operands.length);
    return new TableStore(
      { name: this.name, line: this.#line, chains: this.#chains, headers: this.#headers.take() },
      {
        chainOf: this.#chainOf.take(),
        shapeOf: this.#shapeOf.takeUnsigned(),
        operandStart: this.#operandStart.takeUnsigned(),
        operands: this.#scanner.operands.take(),
        counters: this.#counters?.take() ?? null,
      },
      this.#shared,
    );
  }

  /** Sets the chain; nearly always the last rule's, or the one declared after it. */
  #findChain(text: Text, at: number): number {
    const chains = this.#chains;
    for (let chain = this.#chain; chain < this.#chain + 2 && chain < chains.count; chain += 1) {
      const end = at + chains.lengthOf(chain);
      const byte = text.bytes[end];
      if ((byte === BLANK || byte === NEWLINE) && chains.standsAt(chain, text, at)) {
        this.#chain = chain;
        return end;
      }
    }
    const end = endOfPlain(text, at);
    const chain = chains.find(text, at, end);
    if (chain < 0) {
      const name = JSON.stringify(Buffer.from(text.bytes.subarray(at, Math.min(end, at + 60))).toString('latin1'));
      return this.#refuse('undeclared-chain', `table ${this.name} does not declare the chain ${name} of a rule`);
    }
    this.#chain = chain;
    return end;
  }

  /** @returns the index behind the blank after `[1:2]`, or -1 */
  #readCounters(text: Text, at: number): number {
    const end = endOfCounters(text.bytes, at);
    if (end < 0 || text.bytes[end] !== BLANK) return -1;
    this.#counters ??= new GrowingInts(1 << 6);
    // Rules before this one had none.
    while (this.#counters.length < this.#shapeOf.length) this.#counters.push(-1);
    this.#counters.push(this.#words.intern(text, at, end));
    return end + 1;
  }

  #chainName(chain: number): string {
    return Buffer.from(this.#chains.bytesOf(chain)).toString('latin1');
  }

  #refuseLine(text: Text, at: number, what: string): -1 {
    const newline = text.bytes.indexOf(NEWLINE, at);
    const shown = JSON.stringify(Buffer.from(text.bytes.subarray(at, Math.min(newline, at + 60))).toString('latin1'));
    return this.#refuse('garbage', `${shown} in table ${this.name} is ${what}`);
  }

  #refuse(code: FailureCode, message: string): -1 {
    this.error = { code, message };
    return -1;
  }
}

const scanMessages = {
  'control-byte': 'a NUL or carriage return, which iptables-save never prints',
  'line-too-long': 'the line is too long',
  'open-quote': 'a quote is not closed on its line',
} as const;

/** @returns the index of the newline behind ` POLICY [1:2]`, or -1 */
function endOfHeader(text: Text, at: number): number {
  const bytes = text.bytes;
  if (bytes[at] !== BLANK) return -1;
  const policyEnd = endOfPlain(text, at + 1);
  if (policyEnd === at + 1 || bytes[policyEnd] !== BLANK) return -1;
  const end = endOfCounters(bytes, policyEnd + 1);
  return end >= 0 && bytes[end] === NEWLINE ? end : -1;
}

/** @returns the index behind `[1:2]`, or -1 */
function endOfCounters(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x5b) return -1;
  const packets = endOfDigits(bytes, at + 1);
  if (packets === at + 1 || bytes[packets] !== COLON) return -1;
  const size = endOfDigits(bytes, packets + 1);
  return size > packets + 1 && bytes[size] === 0x5d ? size + 1 : -1;
}

function endOfDigits(bytes: Uint8Array, at: number): number {
  let end = at;
  for (;;) {
    const byte = bytes[end] ?? 0;
    if (byte < 0x30 || byte > 0x39) return end;
    end += 1;
  }
}
