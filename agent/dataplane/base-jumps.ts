/** Which of kube-proxy's base jumps (proto/base-jumps.ts) stand in the rules of a node, and where. */
import type { Match, Table } from 'node-iptables-parse';
import { baseJumps } from '../../proto/base-jumps.ts';
import type { BaseJump } from '../../proto/parts.ts';

export interface BaseJumps {
  readonly present: readonly BaseJump[];
  readonly missing: readonly BaseJump[];
}

/** Which base jumps are there and which are missing, in the order of the list. */
export function findBaseJumps(tables: ReadonlyMap<string, Table>): BaseJumps {
  const present: BaseJump[] = [];
  const missing: BaseJump[] = [];
  for (const { required, table: name, from, to } of baseJumps) {
    const jump: BaseJump = { table: name, from, to };
    const table = tables.get(jump.table);
    if (table !== undefined && jumpPlace(table, jump.from, jump.to) >= 0) present.push(jump);
    else if (required || (table !== undefined && holdsRules(table, jump.to))) missing.push(jump);
  }
  return { present, missing };
}

/**
 * The rule of chain `from` by which every new connection is sent to chain `to`, directly or through a chain that is
 * always jumped to; -1 where there is none. What rules before it do to some packets is not asked.
 */
export function jumpPlace(table: Table, from: string, to: string): number {
  const start = table.findChain(from);
  const goal = table.findChain(to);
  return start < 0 || goal < 0 ? -1 : placeIn(table, start, goal, new Set());
}

function placeIn(table: Table, chain: number, goal: number, visited: Set<number>): number {
  visited.add(chain);
  const { ruleStart } = table;
  for (let rule = ruleStart[chain] ?? 0; rule < (ruleStart[chain + 1] ?? 0); rule++) {
    const { matches, target } = table.rule(rule);
    if (target.kind !== 'jump' || !matches.every(meetsEveryNewConnection)) continue;
    const next = table.findChain(target.chain);
    if (next === goal) return rule;
    // A chain of kube-proxy's own never stands in for a base jump, and may be huge.
    if (next < 0 || visited.has(next) || target.chain.startsWith('KUBE-')) continue;
    if (placeIn(table, next, goal, visited) >= 0) return rule;
  }
  return -1;
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
