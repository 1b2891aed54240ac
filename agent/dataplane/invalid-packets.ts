/**
 * Whether packets that connection tracking cannot place (state INVALID) are dropped on their way through the node.
 * kube-proxy's iptables mode has a rule for it in KUBE-FORWARD, unless the kernel takes such packets anyway
 * (nf_conntrack_tcp_be_liberal); firewalls often have one of their own, which does as well.
 *
 *     -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
 *     -A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP
 */
import type { Match, Table } from 'node-iptables-parse';

/** @param filter undefined when the table was not read: then nothing is known to drop them. */
export function dropsInvalidPackets(filter: Table | undefined): boolean {
  const forward = filter?.findChain('FORWARD') ?? -1;
  return filter !== undefined && forward >= 0 && fateIn(filter, forward, new Set()) === 'dropped';
}

/** @param visited chains that were gone through: a second time they would do the same. */
function fateIn(table: Table, chain: number, visited: Set<number>): 'dropped' | 'accepted' | 'back' {
  visited.add(chain);
  const { ruleStart } = table;
  for (let rule = ruleStart[chain] ?? 0; rule < (ruleStart[chain + 1] ?? 0); rule++) {
    const { matches, target } = table.rule(rule);
    if (!matches.every(meetsEveryInvalid)) continue;
    if (target.kind === 'drop') return 'dropped';
    if (target.kind === 'accept') return 'accepted';
    if (target.kind === 'return') return 'back';
    const next = target.kind === 'jump' ? table.findChain(target.chain) : -1;
    if (next < 0 || visited.has(next)) continue;
    const fate = fateIn(table, next, visited);
    if (fate !== 'back' || (target.kind === 'jump' && target.goto)) return fate;
  }
  return 'back';
}

/** Whether a match holds for every packet of TCP in state INVALID. */
function meetsEveryInvalid(match: Match): boolean {
  switch (match.kind) {
    case 'comment':
    case 'nfacct':
      return true;
    case 'protocol':
      return (match.protocol === 'tcp') !== match.negated;
    case 'conntrack':
      return (
        match.other.length === 0 &&
        (match.states === null || match.states.names.includes('INVALID') !== match.states.negated)
      );
    case 'state':
      return match.states.includes('INVALID') !== match.negated;
    default:
      return false;
  }
}
