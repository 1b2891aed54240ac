/**
 * Strangers' rules that change kube-proxy's mark where kube-proxy reads it afterwards:
 *
 *   raw, mangle PREROUTING ─▶ nat PREROUTING ─▶ mangle, filter FORWARD ─▶ mangle POSTROUTING ─▶ nat POSTROUTING
 *          sets: harmful          KUBE-MARK-MASQ        sets and clears: harmful                 KUBE-POSTROUTING
 *          clears: too early to matter                                                           reads the mark
 *
 *     -A PREROUTING -i tun0 -j MARK --set-xmark 0x4000/0x4000
 *     -A FORWARD -o wg0 -j MARK --set-xmark 0x1/0xffffffff
 *
 * CONNMARK writes the connection's mark; it gets on packets only where another rule restores it (iptables-extensions(8)).
 */
import type { Rule } from 'node-iptables-parse';
import type { MarkRule } from '../../proto/parts.ts';
import { jumpPlace } from './base-jumps.ts';
import { chainsReached, isKubeChain } from './chains-reached.ts';
import type { RuleTables, WalkedTable } from './rule-tables.ts';

type Effect = MarkRule['effect'];

/** Hooks before kube-proxy sets its mark: there only setting it does harm. */
const before: readonly string[] = [
  'raw PREROUTING',
  'raw OUTPUT',
  'mangle PREROUTING',
  'mangle OUTPUT',
  'nat PREROUTING',
  'nat OUTPUT',
];
/** Hooks between that and the rule that reads it. */
const between: readonly string[] = [
  'mangle FORWARD',
  'filter FORWARD',
  'filter OUTPUT',
  'mangle POSTROUTING',
  'nat POSTROUTING',
];

/** A rule, and what it does to kube-proxy's mark where it stands. */
export interface FoundMarkRule {
  readonly table: WalkedTable;
  readonly rule: number;
  readonly effect: Effect;
}

/**
 * Finds them in all tables of a family, in the order of the hooks.
 * @param markBit kube-proxy's mark is 1 << markBit.
 */
export function findMarkRules({ tables }: RuleTables, markBit: number): readonly FoundMarkRule[] {
  const bit = (1 << markBit) >>> 0;
  const targets = new Map([...tables].map(([name, table]) => [name, markTargets(table, bit)] as const));
  if ([...targets.values()].every(({ size }) => size === 0)) return [];
  const isRestored = [...targets.values()].some((rules) => [...rules.values()].includes('restores'));
  const found = new Map<string, FoundMarkRule>();
  for (const hook of [...before, ...between]) {
    const [name = '', chain = ''] = hook.split(' ');
    const table = tables.get(name);
    const ofTable = targets.get(name);
    if (table === undefined || ofTable === undefined || ofTable.size === 0) continue;
    for (const rule of rulesReached(table, chain)) {
      const effect = effectAt(ofTable.get(rule), isRestored, between.includes(hook));
      if (effect !== null && !found.has(`${name} ${rule}`)) found.set(`${name} ${rule}`, { table, rule, effect });
    }
  }
  return [...found.values()];
}

/** What a rule does to the bit, wherever it stands. */
type Change = Effect | 'toggles' | 'sets-connection' | 'restores';

function effectAt(change: Change | undefined, isRestored: boolean, isBetween: boolean): Effect | null {
  switch (change) {
    case 'sets':
    case 'toggles':
      return 'sets';
    case 'sets-connection':
      return isRestored ? 'sets' : null;
    case 'clears':
      return isBetween ? 'clears' : null;
    default:
      return null;
  }
}

/** Rule -> what it does to the bit, of all rules outside kube-proxy's chains that do anything to it. */
function markTargets(table: WalkedTable, bit: number): ReadonlyMap<number, Change> {
  const { shapeOf, ruleCount } = table.table;
  const byShape = new Map<number, Change | null>();
  const found = new Map<number, Change>();
  for (let rule = 0; rule < ruleCount; rule++) {
    const shape = shapeOf[rule] ?? 0;
    let change = byShape.get(shape);
    if (change === undefined) {
      change = changeOf(table.table.rule(rule), bit);
      byShape.set(shape, change);
    }
    if (change !== null && !isKubeChain(table.table.chainName(table.table.chainOf(rule)))) found.set(rule, change);
  }
  return found;
}

function changeOf({ target, matches }: Rule, bit: number): Change | null {
  if (target.kind === 'mark') {
    const hasValue = (target.value & bit) !== 0;
    if ((target.mask & bit) === 0) return hasValue ? 'toggles' : null;
    // Packets that the rule takes only with the bit as it leaves it.
    const isSame = matches.some(
      (match) =>
        match.kind === 'mark' && !match.negated && (match.mask & bit) !== 0 && ((match.value & bit) !== 0) === hasValue,
    );
    return isSame ? null : hasValue ? 'sets' : 'clears';
  }
  if (target.kind !== 'connmark') return null;
  const { words } = target;
  const option = (name: string) => words[words.indexOf(name) + 1] ?? '';
  if (words.includes('--restore-mark')) {
    const mask = words.includes('--nfmask') ? option('--nfmask') : words.includes('--mask') ? option('--mask') : '';
    return mask === '' || (Number(mask) & bit) !== 0 ? 'restores' : null;
  }
  const [value = ''] = option(words.includes('--set-xmark') ? '--set-xmark' : '--set-mark').split('/');
  return (Number(value) & bit) !== 0 ? 'sets-connection' : null;
}

/** Rules in the chains that a hook leads to; of nat POSTROUTING only up to where kube-proxy reads the mark. */
function* rulesReached(table: WalkedTable, hook: string): Generator<number> {
  const isLast = table.table.name === 'nat' && hook === 'POSTROUTING';
  const place = isLast ? jumpPlace(table.table, hook, 'KUBE-POSTROUTING') : -1;
  const until = place < 0 ? undefined : place;
  const chains = chainsReached(table, hook, until);
  for (const chain of chains) {
    const end = chain === chains[0] ? (until ?? table.endOfRules(chain)) : table.endOfRules(chain);
    for (let rule = table.firstRule(chain); rule < end; rule++) yield rule;
  }
}
