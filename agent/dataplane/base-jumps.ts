/**
 * The jumps that kube-proxy's iptables mode ensures from built-in chains to its own. They are written by a full sync
 * only, and nobody reads them back: one that is gone stays gone until kube-proxy starts anew.
 *
 *     nat     PREROUTING  OUTPUT -> KUBE-SERVICES      POSTROUTING -> KUBE-POSTROUTING
 *     filter  FORWARD     OUTPUT -> KUBE-SERVICES      INPUT FORWARD -> KUBE-EXTERNAL-SERVICES
 *             FORWARD -> KUBE-FORWARD                  INPUT -> KUBE-NODEPORTS
 *             INPUT FORWARD OUTPUT -> KUBE-PROXY-FIREWALL      INPUT OUTPUT -> KUBE-FIREWALL
 */
import type { Match, Table } from 'node-iptables-parse';
import type { BaseJump } from '../../proto/parts.ts';

/** `required` = of every kube-proxy; the others came later, or are written only where they have work to do. */
const skeleton: readonly (BaseJump & { readonly required: boolean })[] = [
  { table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES', required: true },
  { table: 'nat', from: 'OUTPUT', to: 'KUBE-SERVICES', required: true },
  { table: 'nat', from: 'POSTROUTING', to: 'KUBE-POSTROUTING', required: true },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-SERVICES', required: true },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-SERVICES', required: true },
  { table: 'filter', from: 'INPUT', to: 'KUBE-EXTERNAL-SERVICES', required: true },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-EXTERNAL-SERVICES', required: true },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-FORWARD', required: true },
  { table: 'filter', from: 'INPUT', to: 'KUBE-NODEPORTS', required: false },
  { table: 'filter', from: 'INPUT', to: 'KUBE-PROXY-FIREWALL', required: false },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-PROXY-FIREWALL', required: false },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-PROXY-FIREWALL', required: false },
  { table: 'filter', from: 'INPUT', to: 'KUBE-FIREWALL', required: false },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-FIREWALL', required: false },
];

export interface BaseJumps {
  readonly present: readonly BaseJump[];
  readonly missing: readonly BaseJump[];
}

/** Which base jumps are there and which are missing, in the order of the skeleton. */
export function findBaseJumps(tables: ReadonlyMap<string, Table>): BaseJumps {
  const present: BaseJump[] = [];
  const missing: BaseJump[] = [];
  for (const { required, ...jump } of skeleton) {
    const table = tables.get(jump.table);
    if (table !== undefined && leadsTo(table, jump.from, jump.to)) present.push(jump);
    else if (required || (table !== undefined && holdsRules(table, jump.to))) missing.push(jump);
  }
  return { present, missing };
}

/**
 * Whether every new connection that comes through chain `from` is sent to chain `to`, directly or through a chain
 * that is always jumped to. What rules before it do to some packets is not asked.
 */
function leadsTo(table: Table, from: string, to: string): boolean {
  const start = table.findChain(from);
  const goal = table.findChain(to);
  return start >= 0 && goal >= 0 && leads(table, start, goal, new Set());
}

function leads(table: Table, chain: number, goal: number, visited: Set<number>): boolean {
  visited.add(chain);
  const { ruleStart } = table;
  for (let rule = ruleStart[chain] ?? 0; rule < (ruleStart[chain + 1] ?? 0); rule++) {
    const { matches, target } = table.rule(rule);
    if (target.kind !== 'jump' || !matches.every(meetsEveryNewConnection)) continue;
    const next = table.findChain(target.chain);
    if (next === goal) return true;
    // A chain of kube-proxy's own never stands in for a base jump, and may be huge.
    if (next < 0 || visited.has(next) || target.chain.startsWith('KUBE-')) continue;
    if (leads(table, next, goal, visited)) return true;
  }
  return false;
}

/** Whether a match holds for every new connection: a comment, or the state NEW. */
function meetsEveryNewConnection(match: Match): boolean {
  switch (match.kind) {
    case 'comment':
      return true;
    case 'conntrack':
      return (
        match.other.length === 0 &&
        (match.states === null || match.states.names.includes('NEW') !== match.states.negated)
      );
    case 'state':
      return match.states.includes('NEW') !== match.negated;
    default:
      return false;
  }
}

function holdsRules(table: Table, name: string): boolean {
  const chain = table.findChain(name);
  return chain >= 0 && (table.ruleStart[chain + 1] ?? 0) > (table.ruleStart[chain] ?? 0);
}
