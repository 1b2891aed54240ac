/** A finished table: flat arrays, decoded on demand. */

import type { Rule, RuleCounters } from './rule.ts';
import type { Table } from './ruleset.ts';
import type { ReadShape, ShapeBook } from './shape-book.ts';
import { decodeText } from './text.ts';
import { type TypedShape, typeShape } from './typed-shape.ts';
import { textOf, type Words } from './words.ts';

export interface TableHead {
  readonly name: string;
  readonly line: number;
  readonly chains: Words;
  /** Chain -> word id of its policy and counters. */
  readonly headers: Int32Array;
}

/** Rules in the order of their lines. */
export interface TableRules {
  readonly chainOf: Int32Array;
  readonly shapeOf: Uint32Array;
  readonly operandStart: Uint32Array;
  readonly operands: Int32Array;
  /** Word id of `[1:2]`, -1 for none. */
  readonly counters: Int32Array | null;
}

export interface SharedWords {
  readonly words: Words;
  readonly shapes: ShapeBook;
}

export class TableStore implements Table {
  readonly name: string;
  readonly line: number;
  readonly chainCount: number;
  readonly ruleCount: number;
  readonly ruleStart: Uint32Array;
  readonly shapeOf: Uint32Array;
  readonly operandStart: Uint32Array;
  readonly operands: Int32Array;
  readonly lineOrder: Uint32Array | null;
  readonly #head: TableHead;
  readonly #counters: Int32Array | null;
  readonly #words: Words;
  readonly #shapes: ShapeBook;
  readonly #typed = new Map<number, TypedShape>();

  constructor(head: TableHead, rules: TableRules, shared: SharedWords) {
    this.name = head.name;
    this.line = head.line;
    this.chainCount = head.chains.count;
    this.ruleCount = rules.shapeOf.length;
    this.ruleStart = countRules(rules.chainOf, this.chainCount);
    this.lineOrder = isSorted(rules.chainOf) ? null : placesOf(rules.chainOf, this.ruleStart);
    const sorted = this.lineOrder === null ? rules : moveRules(rules, this.lineOrder);
    this.shapeOf = sorted.shapeOf;
    this.operandStart = sorted.operandStart;
    this.operands = sorted.operands;
    this.#counters = sorted.counters;
    this.#head = head;
    this.#words = shared.words;
    this.#shapes = shared.shapes;
  }

  /** Frees the memory of rules and chain names; nothing of the table may be read afterwards. */
  release(): void {
    for (const array of [this.ruleStart, this.shapeOf, this.operandStart, this.operands, this.#counters]) {
      if (array?.buffer instanceof ArrayBuffer) array.buffer.transfer(0);
    }
    this.#head.chains.release();
  }

  chainName(chain: number): string {
    return bytesToText(this.#head.chains, chain);
  }

  findChain(name: string): number {
    const bytes = Buffer.from(name, 'latin1');
    return this.#head.chains.find(textOf(bytes), 0, bytes.length);
  }

  policy(chain: number): string | null {
    const header = this.chainHeader(chain);
    const policy = header.slice(0, header.indexOf(' '));
    return policy === '-' ? null : policy;
  }

  chainHeader(chain: number): string {
    return bytesToText(this.#words, this.#head.headers[chain] ?? 0);
  }

  /** By halving: rules are asked for their chain seldom, so no array is kept for it. */
  chainOf(rule: number): number {
    let low = 0;
    let high = this.chainCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.ruleStart[middle] ?? 0) <= rule) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  rule(rule: number): Rule {
    const shapeId = this.shapeOf[rule] ?? 0;
    const shape = this.#shapes.shape(shapeId);
    const operands = this.#operandTexts(rule, shape);
    let typed = this.#typed.get(shapeId);
    if (typed === undefined) {
      typed = typeShape(shape.pieces, shape.slots);
      this.#typed.set(shapeId, typed);
    }
    return {
      chain: this.chainName(this.chainOf(rule)),
      counters: readCounters(this.counterText(rule)),
      ...typed(operands),
    };
  }

  text(rule: number): string {
    return decodeText(this.verbatim(rule));
  }

  counterText(rule: number): string {
    const id = this.#counters?.[rule] ?? -1;
    return id < 0 ? '' : bytesToText(this.#words, id);
  }

  verbatim(rule: number): string {
    const shape = this.#shapes.shape(this.shapeOf[rule] ?? 0);
    const operands = this.#operandTexts(rule, shape);
    let line = `-A ${this.chainName(this.chainOf(rule))}${shape.pieces[0] ?? ''}`;
    for (const [i, operand] of operands.entries()) line += operand + (shape.pieces[i + 1] ?? '');
    return line;
  }

  #operandTexts(rule: number, shape: ReadShape): readonly string[] {
    const start = this.operandStart[rule] ?? 0;
    return shape.slots.map((slot, i) => {
      const operand = this.operands[start + i] ?? 0;
      return slot === 'jump' ? this.chainName(operand) : bytesToText(this.#words, operand);
    });
  }
}

/** One character per byte. */
export function bytesToText(words: Words, id: number): string {
  return words.text(id);
}

function readCounters(text: string): RuleCounters | null {
  if (text === '') return null;
  const colon = text.indexOf(':');
  return { packets: Number(text.slice(1, colon)), bytes: Number(text.slice(colon + 1, -1)) };
}

function isSorted(chainOf: Int32Array): boolean {
  for (let rule = 1; rule < chainOf.length; rule += 1) {
    if ((chainOf[rule] ?? 0) < (chainOf[rule - 1] ?? 0)) return false;
  }
  return true;
}

function countRules(chainOf: Int32Array, chainCount: number): Uint32Array {
  const start = new Uint32Array(chainCount + 1);
  for (let rule = 0; rule < chainOf.length; rule += 1) {
    const chain = chainOf[rule] ?? 0;
    start[chain + 1] = (start[chain + 1] ?? 0) + 1;
  }
  for (let chain = 0; chain < chainCount; chain += 1) start[chain + 1] = (start[chain + 1] ?? 0) + (start[chain] ?? 0);
  return start;
}

/** Line -> rule, when the rules of each chain are put side by side in their order. */
function placesOf(chainOf: Int32Array, ruleStart: Uint32Array): Uint32Array {
  const next = ruleStart.slice();
  return Uint32Array.from(chainOf, (chain) => {
    const rule = next[chain] ?? 0;
    next[chain] = rule + 1;
    return rule;
  });
}

function moveRules(rules: TableRules, places: Uint32Array): TableRules {
  const lineOf = new Uint32Array(places.length);
  places.forEach((rule, line) => {
    lineOf[rule] = line;
  });
  const operandStart = new Uint32Array(places.length + 1);
  const operands = new Int32Array(rules.operands.length);
  let used = 0;
  lineOf.forEach((line, rule) => {
    const own = rules.operands.subarray(rules.operandStart[line], rules.operandStart[line + 1]);
    operands.set(own, used);
    used += own.length;
    operandStart[rule + 1] = used;
  });
  const { chainOf, shapeOf, counters } = rules;
  return {
    chainOf: Int32Array.from(lineOf, (line) => chainOf[line] ?? 0),
    shapeOf: Uint32Array.from(lineOf, (line) => shapeOf[line] ?? 0),
    operandStart,
    operands,
    counters: counters === null ? null : Int32Array.from(lineOf, (line) => counters[line] ?? -1),
  };
}
