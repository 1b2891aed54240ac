/** Which chains packets get to from a built-in chain, through strangers' chains only. */
import type { WalkedTable } from './rule-tables.ts';

/** Chains of kube-router and CRI-O that are named as if they were kube-proxy's. */
const strangers = ['KUBE-ROUTER-', 'KUBE-POD-FW-', 'KUBE-NWPLCY-', 'KUBE-HOSTPORTS', 'KUBE-HP-'];

/** Whether a chain is kube-proxy's or the kubelet's, by its name. */
export function isKubeChain(name: string): boolean {
  return name.startsWith('KUBE-') && !strangers.some((stranger) => name.startsWith(stranger));
}

/**
 * The chains that rules of a built-in chain lead to, that chain first. kube-proxy's own are left out, as they lead to no
 * stranger's.
 * @param until the rule of the built-in chain before which to stop; its last one unless given.
 */
export function chainsReached(table: WalkedTable, hook: string, until?: number): readonly number[] {
  const start = table.table.findChain(hook);
  if (start < 0) return [];
  const reached = new Set([start]);
  // A set is walked in the order in which it grows.
  for (const chain of reached) {
    const end = chain === start ? (until ?? table.endOfRules(chain)) : table.endOfRules(chain);
    for (let rule = table.firstRule(chain); rule < end; rule++) {
      const { action } = table.plan(rule);
      if (action.kind !== 'jump') continue;
      const next = table.operandId(rule, action.operand);
      if (!isKubeChain(table.table.chainName(next))) reached.add(next);
    }
  }
  return [...reached];
}
