/**
 * One family's parsed tables, made ready to be walked many times: plans per shape, prefixes per word, and for long
 * chains an index, so that a packet meets only the rules whose address and port can be its own.
 */
import type { Ruleset, Table } from 'node-iptables-parse';
import { type Address, type Family, parseAddress, parseWhole } from '../../proto/address.ts';
import {
  contains,
  intersect,
  isEmpty,
  type PrefixSet,
  parsePrefix,
  prefixSet,
  subtract,
} from '../../proto/prefixes.ts';
import type { SetMatches } from './ipvs/set-matches.ts';
import type { Operand } from './rule-operand.ts';
import { hasAmbiguousSlots, type Plan, planRule } from './rule-plan.ts';

/** Chains shorter than this are walked rule by rule. */
const indexFrom = 16;

const idle = 1;
const busy = 2;

/** Rules of one chain by what they ask of the destination; each list in the chain's order. */
export interface ChainIndex {
  readonly byAddress: ReadonlyMap<Address, readonly number[]>;
  readonly byPort: ReadonlyMap<number, readonly number[]>;
  readonly others: readonly number[];
}

export interface RuleTables {
  readonly family: Family;
  readonly ruleset: Ruleset;
  readonly tables: ReadonlyMap<string, WalkedTable>;
}

/** One table with what was worked out of it so far. */
export class WalkedTable {
  readonly table: Table;
  readonly family: Family;
  /** The sets that rules ask for; null = not read. */
  readonly sets: SetMatches | null;
  readonly #ruleset: Ruleset;
  readonly #plans: (Plan | undefined)[];
  readonly #plansOfRules = new Map<number, Plan>();
  /** Word id, or text that stands in the shape, to what it means. */
  readonly #prefixes: Map<number | string, PrefixSet | null>;
  readonly #hostSuffix: '/32' | '/128';
  readonly #indexes = new Map<number, ChainIndex | null>();
  /** Per chain: 0 not asked yet, else one of `idle` and `busy`. */
  readonly #idle: Uint8Array;

  constructor(
    ruleset: Ruleset,
    table: Table,
    family: Family,
    plans: (Plan | undefined)[],
    prefixes: Map<number | string, PrefixSet | null>,
    sets: SetMatches | null = null,
  ) {
    this.table = table;
    this.family = family;
    this.sets = sets;
    this.#ruleset = ruleset;
    this.#plans = plans;
    this.#prefixes = prefixes;
    this.#hostSuffix = family === 'ipv4' ? '/32' : '/128';
    this.#idle = new Uint8Array(table.chainCount);
  }

  /** The plan of a rule: shared by all rules of its shape, unless the shape does not tell its operands apart. */
  plan(rule: number): Plan {
    const shape = this.table.shapeOf[rule] ?? 0;
    const known = this.#plans[shape] ?? this.#plansOfRules.get(rule);
    if (known !== undefined) return known;
    const { slots } = this.#ruleset.shape(shape);
    if (hasAmbiguousSlots(slots)) {
      const plan = planRule(
        this.table.rule(rule),
        slots.filter((slot) => slot === 'jump'),
      );
      this.#plansOfRules.set(rule, plan);
      return plan;
    }
    const plan = planRule(this.table.rule(rule), slots);
    this.#plans[shape] = plan;
    return plan;
  }

  /** The text of an operand, without quotes. */
  operandText(rule: number, operand: Operand): string {
    return 'text' in operand ? operand.text : this.#ruleset.word(this.operandId(rule, operand.operand));
  }

  /** Whether an operand is the first `length` characters of `text` followed by `suffix`. */
  operandIs(rule: number, operand: Operand, text: string, length: number, suffix: string): boolean {
    if ('text' in operand) return operand.text === text.slice(0, length) + suffix;
    return this.#ruleset.wordIs(this.operandId(rule, operand.operand), text, length, suffix);
  }

  /** The word id, or the chain's index, in one of a rule's slots. */
  operandId(rule: number, operand: number): number {
    return this.table.operands[(this.table.operandStart[rule] ?? 0) + operand] ?? 0;
  }

  /** The addresses an operand stands for; null when the text is no prefix (a host name, a mask that is none). */
  prefixes(rule: number, operand: Operand): PrefixSet | null {
    const key = 'text' in operand ? operand.text : this.operandId(rule, operand.operand);
    let set = this.#prefixes.get(key);
    if (set === undefined) {
      const prefix = parsePrefix(this.operandText(rule, operand));
      set = prefix === null ? null : prefixSet([prefix]);
      this.#prefixes.set(key, set);
    }
    return set;
  }

  /** Whether an address lies in a rule's destination; null when the rule's text is no prefix. */
  isDestination(rule: number, operand: Operand, address: Address): boolean | null {
    if (this.operandIs(rule, operand, address, address.length, this.#hostSuffix)) return true;
    const set = this.prefixes(rule, operand);
    return set === null ? null : contains(set, address);
  }

  /** First and end of a chain's rules. */
  firstRule(chain: number): number {
    return this.table.ruleStart[chain] ?? 0;
  }

  endOfRules(chain: number): number {
    return this.table.ruleStart[chain + 1] ?? 0;
  }

  /** The index of a long chain, null for a short one. */
  index(chain: number): ChainIndex | null {
    let index = this.#indexes.get(chain);
    if (index === undefined) {
      index = this.endOfRules(chain) - this.firstRule(chain) < indexFrom ? null : this.#buildIndex(chain);
      this.#indexes.set(chain, index);
    }
    return index;
  }

  /** Whether a packet that walks the chain comes back as it went in, whatever it is. */
  isIdle(chain: number, depth = 0): boolean {
    const known = this.#idle[chain] ?? 0;
    if (known !== 0) return known === idle;
    if (depth > 32) return false;
    let quiet = true;
    for (let rule = this.firstRule(chain); quiet && rule < this.endOfRules(chain); rule++) {
      const { action } = this.plan(rule);
      if (action.kind === 'jump') quiet = this.isIdle(this.operandId(rule, action.operand), depth + 1);
      else quiet = action.kind === 'pass' || action.kind === 'return';
    }
    this.#idle[chain] = quiet ? idle : busy;
    return quiet;
  }

  #buildIndex(chain: number): ChainIndex | null {
    const byAddress = new Map<Address, number[]>();
    const byPort = new Map<number, number[]>();
    const others: number[] = [];
    for (let rule = this.firstRule(chain); rule < this.endOfRules(chain); rule++) {
      const address = this.hostDestination(rule);
      const port = address === null ? this.singlePort(rule) : null;
      if (address !== null) append(byAddress, address, rule);
      else if (port !== null) append(byPort, port, rule);
      else others.push(rule);
    }
    return byAddress.size + byPort.size < indexFrom / 2 ? null : { byAddress, byPort, others };
  }

  /** The one address a rule's packets must be sent to, or null where it asks for none or for several. */
  hostDestination(rule: number): Address | null {
    for (const condition of this.plan(rule).conditions) {
      if (condition.kind !== 'destination' || condition.negated) continue;
      const text = this.operandText(rule, condition.prefix);
      if (text.endsWith(this.#hostSuffix)) return parseAddress(text.slice(0, -this.#hostSuffix.length));
      if (!text.includes('/')) return parseAddress(text);
    }
    return null;
  }

  /** The one port a rule's packets must be sent to, or null. */
  singlePort(rule: number): number | null {
    for (const condition of this.plan(rule).conditions) {
      if (condition.kind !== 'destination-port' || condition.negated) continue;
      return parseWhole(this.operandText(rule, condition.port), 65535);
    }
    return null;
  }

  /** A rule's comment, without quotes and escapes; null when it has none in a slot of its own. */
  comment(rule: number): string | null {
    const slot = this.#ruleset.shape(this.table.shapeOf[rule] ?? 0).slots.indexOf('comment');
    return slot < 0 ? null : this.#ruleset.wordText(this.operandId(rule, slot));
  }

  /** A rule's comment as it is printed: a view that must not be written to. */
  commentBytes(rule: number): Uint8Array | null {
    const slot = this.#ruleset.shape(this.table.shapeOf[rule] ?? 0).slots.indexOf('comment');
    return slot < 0 ? null : this.#ruleset.wordBytes(this.operandId(rule, slot));
  }

  /** The name of the chain a rule jumps to; null when it does not jump. */
  jumpTarget(rule: number): string | null {
    const { action } = this.plan(rule);
    return action.kind === 'jump' ? this.table.chainName(this.operandId(rule, action.operand)) : null;
  }

  /** The transport protocol a rule asks for, or null. */
  protocol(rule: number): string | null {
    for (const condition of this.plan(rule).conditions) {
      if (condition.kind === 'protocol' && !condition.negated) return condition.protocol;
    }
    return null;
  }
}

function append<K>(lists: Map<K, number[]>, key: K, rule: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [rule]);
  else list.push(rule);
}

/**
 * Makes the tables of one ruleset ready to be walked.
 * @param sets those that its rules ask for; null = not read.
 */
export function ruleTables(ruleset: Ruleset, family: Family, sets: SetMatches | null = null): RuleTables {
  const plans: (Plan | undefined)[] = [];
  const prefixes = new Map<number | string, PrefixSet | null>();
  const tables = new Map<string, WalkedTable>();
  for (const [name, table] of ruleset.tables) {
    // Jump operands are indexes into one table, yet plans only name slots: they are good for every table.
    tables.set(name, new WalkedTable(ruleset, table, family, plans, prefixes, sets));
  }
  return { family, ruleset, tables };
}

/** A set cut in two by another: the part inside and the part outside, null where empty; uncut sets stay themselves. */
export function cut(
  set: PrefixSet,
  by: PrefixSet,
): { readonly inside: PrefixSet | null; readonly outside: PrefixSet | null } {
  const inside = intersect(set, by);
  if (isEmpty(inside)) return { inside: null, outside: set };
  const outside = subtract(set, by);
  return isEmpty(outside) ? { inside: set, outside: null } : { inside, outside };
}
