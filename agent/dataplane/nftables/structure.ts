/** How kube-proxy's table of one family is built: facts for the checks, no verdicts. */
import type { DanglingJump, DuplicateRule, Excerpt, NftablesStructure, RuleLine } from '../../../proto/parts.ts';
import { missingBaseJumps } from './base-jumps.ts';
import { ChainPlans } from './plans.ts';
import { masqueradePathOf } from './postrouting.ts';
import type { Rule, Step, Verdict } from './rule.ts';
import { type NftTable, tableName } from './table.ts';

const excerptLength = 40;

/** @param markBit kube-proxy's mark is 1 << markBit. */
export function describeNftables(table: NftTable, markBit: number): NftablesStructure {
  const plans = new ChainPlans(table);
  const dangling = new Collected<DanglingJump>();
  const duplicates = new Collected<DuplicateRule>();
  const unreadable = new Collected<RuleLine>();
  const broken = new BrokenChains(table);
  let rules = 0;
  for (const chain of table.chains.values()) {
    if (chain.ruleCount === 0) continue;
    const own = chain.rules();
    rules += own.length;
    const line = (rule: string): RuleLine => ({ table: tableName(table), chain: chain.name, rule });
    for (const rule of own) {
      if (rule.steps.some(({ kind }) => kind === 'unreadable')) unreadable.add(() => line(rule.text));
      for (const target of targetsOf(rule)) {
        if (broken.has(target)) dangling.add(() => ({ ...line(rule.text), target }));
      }
    }
    if (own.length > 1) collectDuplicates(own, (rule, count) => duplicates.add(() => ({ ...line(rule), count })));
  }
  const elements = collectElements(table, broken, dangling);
  return {
    family: table.family,
    chains: table.chains.size,
    rules,
    elements,
    missingBaseJumps: missingBaseJumps(plans),
    danglingJumps: dangling.excerpt(),
    duplicateRules: duplicates.excerpt(),
    unreadableRules: unreadable.excerpt(),
    masqueradePath: masqueradePathOf(plans, markBit),
  };
}

/** Counts everything, keeps the first few. */
class Collected<T> {
  #total = 0;
  readonly #first: T[] = [];

  add(make: () => T): void {
    this.#total++;
    if (this.#first.length < excerptLength) this.#first.push(make());
  }

  excerpt(): Excerpt<T> {
    return { total: this.#total, first: this.#first };
  }
}

/**
 * Chains that do nothing with a packet: absent, empty, or of an endpoint and without DNAT. Those that nothing leads to
 * are left from before, and no fault: kube-proxy empties a chain at once and removes it later.
 */
class BrokenChains {
  readonly #table: NftTable;
  readonly #known = new Map<string, boolean>();

  constructor(table: NftTable) {
    this.#table = table;
  }

  has(name: string): boolean {
    let broken = this.#known.get(name);
    if (broken === undefined) {
      broken = this.#isBroken(name);
      this.#known.set(name, broken);
    }
    return broken;
  }

  #isBroken(name: string): boolean {
    const chain = this.#table.chains.get(name);
    if (chain === undefined || chain.ruleCount === 0) return true;
    if (!name.startsWith('endpoint-')) return false;
    for (const line of chain.lines()) if (line.includes('dnat ')) return false;
    return true;
  }
}

function* targetsOf({ steps }: Rule): Generator<string> {
  for (const step of steps) for (const verdict of verdictsIn(step)) if ('chain' in verdict) yield verdict.chain;
}

function* verdictsIn(step: Step): Generator<Verdict> {
  if (step.kind === 'verdict') yield step.verdict;
  if (step.kind === 'chance') for (const { value } of step.choices) yield value;
  if (step.kind === 'verdict-map' && 'elements' in step.among) {
    for (const chain of step.among.elements.targets()) yield { kind: 'goto', chain };
  }
}

function collectDuplicates(rules: readonly Rule[], found: (rule: string, count: number) => void): void {
  const counts = new Map<string, number>();
  for (const { text } of rules) counts.set(text, (counts.get(text) ?? 0) + 1);
  if (counts.size === rules.length) return;
  for (const [text, count] of counts) if (count > 1) found(text, count);
}

/** Collects what elements of maps lead to nowhere; returns how many elements there are. */
function collectElements(table: NftTable, broken: BrokenChains, dangling: Collected<DanglingJump>): number {
  let count = 0;
  for (const set of table.sets.values()) {
    if (set.isDynamic) continue;
    count += set.elements.size;
    if (!set.mapsToVerdicts) continue;
    for (const [key, verdict] of set.elements.entries()) {
      if (verdict === null || !('chain' in verdict) || !broken.has(verdict.chain)) continue;
      const { kind, chain: target } = verdict;
      const rule = `${key.replaceAll(' ', ' . ')} : ${kind} ${target}`;
      dangling.add(() => ({ table: tableName(table), chain: set.name, rule, target }));
    }
  }
  return count;
}
