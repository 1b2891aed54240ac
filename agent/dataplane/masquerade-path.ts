/**
 * kube-proxy's masquerading: one chain sets a mark, another masquerades what carries it.
 *
 *     -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
 *     -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
 *     -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
 *     -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
 *     -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
 */
import type { Match, Table } from 'node-iptables-parse';
import type { MasqueradePath } from '../../proto/parts.ts';
import { leadsTo, meetsEveryNewConnection } from './base-jumps.ts';

/**
 * Sends a packet with kube-proxy's mark, and one without, through the chains.
 * @param markBit kube-proxy's mark is 1 << markBit.
 */
export function findMasqueradePath(nat: Table | undefined, markBit: number): MasqueradePath {
  if (nat === undefined) return 'mark-not-set';
  const mark = (1 << markBit) >>> 0;
  if ((walk(nat, 'KUBE-MARK-MASQ', 0).mark & mark) === 0) return 'mark-not-set';
  if (!leadsTo(nat, 'POSTROUTING', 'KUBE-POSTROUTING')) return 'not-masqueraded';
  if (!walk(nat, 'KUBE-POSTROUTING', mark).masqueraded) return 'not-masqueraded';
  return walk(nat, 'KUBE-POSTROUTING', 0).masqueraded ? 'masquerades-unmarked' : 'ok';
}

interface Outcome {
  readonly mark: number;
  readonly masqueraded: boolean;
}

/** A rule that some packets do not meet for another reason than the mark is passed: kube-proxy writes none here. */
function walk(table: Table, chainName: string, markBefore: number): Outcome {
  const chain = table.findChain(chainName);
  let mark = markBefore;
  if (chain < 0) return { mark, masqueraded: false };
  const { ruleStart } = table;
  for (let index = ruleStart[chain] ?? 0; index < (ruleStart[chain + 1] ?? 0); index++) {
    const { matches, target } = table.rule(index);
    if (!matches.every((match) => holds(match, mark))) continue;
    if (target.kind === 'masquerade' || target.kind === 'snat') return { mark, masqueraded: true };
    if (target.kind === 'mark') mark = ((mark & ~target.mask) ^ target.value) >>> 0;
    else if (target.kind === 'return' || target.kind === 'accept' || target.kind === 'drop') break;
  }
  return { mark, masqueraded: false };
}

function holds(match: Match, mark: number): boolean {
  if (match.kind !== 'mark') return meetsEveryNewConnection(match);
  return ((mark & match.mask) >>> 0 === match.value) !== match.negated;
}
