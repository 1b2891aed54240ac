/**
 * The same rule more than once in one chain: shape and operands are equal, so the text is. Looked for in kube-proxy's
 * chains, and among the jumps to them from other chains.
 */
import type { Table } from 'node-iptables-parse';
import { foreignChain } from './kube-chains.ts';

/** Most chains hold a handful of rules. */
const smallest = 8;

export interface Duplicate {
  /** The first of the equal rules. */
  readonly rule: number;
  /** How many there are, at least 2. */
  readonly count: number;
}

/**
 * All rules that stand more than once in their chain, in the order of the table.
 * @param kinds of the table's chains, see chainKinds.
 * @param targets of its rules, see jumpTargets.
 */
export function findDuplicates(table: Table, kinds: Uint8Array, targets: Int32Array): readonly Duplicate[] {
  const { chainCount, ruleStart } = table;
  const found = new Map<number, number>();
  let slots = new Int32Array(smallest);
  for (let chain = 0; chain < chainCount; chain++) {
    const first = ruleStart[chain] ?? 0;
    const end = ruleStart[chain + 1] ?? 0;
    if (end - first < 2) continue;
    let size = smallest;
    while (size < 2 * (end - first)) size *= 2;
    if (size > slots.length) slots = new Int32Array(size);
    slots.fill(-1, 0, size);
    const isForeign = kinds[chain] === foreignChain;
    for (let rule = first; rule < end; rule++) {
      // Of a foreign chain only the jumps to kube-proxy's; -1, no jump, has no kind either.
      if (isForeign && (kinds[targets[rule] ?? -1] ?? foreignChain) === foreignChain) continue;
      const equal = placeOrFind(table, rule, slots, size);
      if (equal >= 0) found.set(equal, (found.get(equal) ?? 1) + 1);
    }
  }
  return [...found].map(([rule, count]) => ({ rule, count })).sort((a, b) => a.rule - b.rule);
}

/** Open addressing: puts the rule into a free slot, or returns the equal rule that is there already (-1 = none). */
function placeOrFind(table: Table, rule: number, slots: Int32Array, size: number): number {
  for (let slot = hashOf(table, rule) & (size - 1); ; slot = (slot + 1) & (size - 1)) {
    const other = slots[slot] ?? -1;
    if (other < 0) {
      slots[slot] = rule;
      return -1;
    }
    if (areEqual(table, other, rule)) return other;
  }
}

function hashOf({ shapeOf, operandStart, operands }: Table, rule: number): number {
  let hash = Math.imul(shapeOf[rule] ?? 0, 0x9e3779b1);
  for (let i = operandStart[rule] ?? 0; i < (operandStart[rule + 1] ?? 0); i++) {
    hash = Math.imul(hash ^ (operands[i] ?? 0), 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash;
}

function areEqual({ shapeOf, operandStart, operands }: Table, a: number, b: number): boolean {
  if (shapeOf[a] !== shapeOf[b]) return false;
  const startA = operandStart[a] ?? 0;
  const startB = operandStart[b] ?? 0;
  const length = (operandStart[a + 1] ?? 0) - startA;
  for (let i = 0; i < length; i++) {
    if (operands[startA + i] !== operands[startB + i]) return false;
  }
  return true;
}
