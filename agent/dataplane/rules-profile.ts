/** What kube-proxy's own rules say of its configuration. */
import type { Ruleset } from 'node-iptables-parse';
import type { Family } from '../../proto/address.ts';
import { parsePrefix } from '../../proto/prefixes.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import { ruleTables, type WalkedTable } from './rule-tables.ts';

/** Services looked at before the commonest answer is taken: one odd chain is damage, not configuration. */
const sample = 200;

/**
 * The "not local" match of the service chains' first rule: `! -s 10.244.0.0/16 -d CLUSTERIP ... -j KUBE-MARK-MASQ`; or
 * the same range in the external chains of Local services.
 * @returns the commonest; null when no chain shows one.
 */
export function detectLocal(ruleset: Ruleset, family: Family): LocalDetector | null {
  const nat = ruleTables(ruleset, family).tables.get('nat');
  if (nat === undefined) return null;
  const counts = new Map<string, { readonly detector: LocalDetector; count: number }>();
  for (const dispatcher of ['KUBE-SERVICES', 'KUBE-NODEPORTS']) {
    const chain = nat.table.findChain(dispatcher);
    if (chain < 0) continue;
    const end = Math.min(nat.endOfRules(chain), nat.firstRule(chain) + sample);
    for (let rule = nat.firstRule(chain); rule < end; rule++) {
      const { action } = nat.plan(rule);
      if (action.kind !== 'jump' || nat.singlePort(rule) === null) continue;
      const detector = detectorOf(nat, nat.operandId(rule, action.operand));
      if (detector === null) continue;
      const text = JSON.stringify(detector);
      const known = counts.get(text);
      if (known === undefined) counts.set(text, { detector, count: 1 });
      else known.count++;
    }
  }
  const [commonest] = [...counts.values()].sort((a, b) => b.count - a.count);
  return commonest?.detector ?? null;
}

function detectorOf(nat: WalkedTable, chain: number): LocalDetector | null {
  for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
    const { conditions, action } = nat.plan(rule);
    if (action.kind !== 'jump') continue;
    const own = podTraffic(nat, rule);
    if (own !== null) return own;
    if (nat.hostDestination(rule) === null) continue;
    for (const condition of conditions) {
      if (condition.kind === 'source' && condition.negated) {
        const prefix = parsePrefix(nat.operandText(rule, condition.prefix));
        if (prefix !== null) return { kind: 'prefix', prefix };
      }
      if (condition.kind === 'in-interface' && condition.negated)
        return { kind: 'interface', pattern: condition.pattern };
    }
  }
  return null;
}

/**
 * What an external chain of a Local service says, also where all is masqueraded:
 * `-A KUBE-EXT-X -s 10.244.0.0/16 -m comment --comment "pod traffic for ..." -j KUBE-SVC-X`.
 */
function podTraffic(nat: WalkedTable, rule: number): LocalDetector | null {
  const [condition, second] = nat.plan(rule).conditions;
  if (condition === undefined || second !== undefined) return null;
  if (nat.jumpTarget(rule)?.startsWith('KUBE-SVC-') !== true) return null;
  if (condition.kind === 'in-interface' && !condition.negated) return { kind: 'interface', pattern: condition.pattern };
  if (condition.kind !== 'source' || condition.negated) return null;
  const prefix = parsePrefix(nat.operandText(rule, condition.prefix));
  return prefix === null ? null : { kind: 'prefix', prefix };
}

/**
 * Whether service chains mark every packet to their cluster IP (`masqueradeAll`) and not only those from elsewhere.
 * @returns what most say; null when no service chain marks any.
 */
export function masqueradesAll(ruleset: Ruleset, family: Family): boolean | null {
  const nat = ruleTables(ruleset, family).tables.get('nat');
  const services = nat?.table.findChain('KUBE-SERVICES') ?? -1;
  if (nat === undefined || services < 0) return null;
  const count = { all: 0, some: 0 };
  const end = Math.min(nat.endOfRules(services), nat.firstRule(services) + sample);
  for (let rule = nat.firstRule(services); rule < end; rule++) {
    const { action } = nat.plan(rule);
    if (action.kind !== 'jump' || nat.hostDestination(rule) === null) continue;
    const marked = markedBy(nat, nat.operandId(rule, action.operand));
    if (marked !== null) count[marked]++;
  }
  return count.all + count.some === 0 ? null : count.all > count.some;
}

/** Of the packets to a chain's own cluster IP, whether all are marked or only some sources'; null for none. */
function markedBy(nat: WalkedTable, chain: number): 'all' | 'some' | null {
  for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
    if (nat.jumpTarget(rule) !== 'KUBE-MARK-MASQ' || nat.hostDestination(rule) === null) continue;
    const { conditions } = nat.plan(rule);
    return conditions.some(({ kind }) => kind === 'source' || kind === 'in-interface') ? 'some' : 'all';
  }
  return null;
}

/** The bit that KUBE-MARK-MASQ sets; null when it sets none, or several. */
export function usedMarkBit(ruleset: Ruleset): number | null {
  const nat = ruleTables(ruleset, 'ipv4').tables.get('nat');
  const chain = nat?.table.findChain('KUBE-MARK-MASQ') ?? -1;
  if (nat === undefined || chain < 0) return null;
  for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
    const { action } = nat.plan(rule);
    if (action.kind !== 'mark' || action.value === 0) continue;
    const bit = Math.log2(action.value);
    return Number.isInteger(bit) ? bit : null;
  }
  return null;
}
