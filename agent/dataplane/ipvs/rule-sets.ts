/** What kube-proxy's rules around IPVS name and say. */
import type { Ruleset } from 'node-iptables-parse';
import type { Family } from '../../../proto/address.ts';
import { parsePrefix } from '../../../proto/prefixes.ts';
import type { LocalDetector } from '../../../proto/profile.ts';
import { ruleTables, type WalkedTable } from '../rule-tables.ts';
import { kubeSetName } from './set-matches.ts';

/** The sets that rules ask for. */
export function namedSets(ruleset: Ruleset, family: Family): ReadonlySet<string> {
  const names = new Set<string>();
  const shapes = new Set<number>();
  for (const walked of ruleTables(ruleset, family).tables.values()) {
    for (let rule = 0; rule < walked.table.ruleCount; rule++) {
      const shape = walked.table.shapeOf[rule] ?? 0;
      if (shapes.has(shape)) continue;
      shapes.add(shape);
      for (const condition of walked.plan(rule).conditions) if (condition.kind === 'set') names.add(condition.name);
    }
  }
  return names;
}

/** What the rule that marks packets to cluster IPs says; null where it does not say, or is not there. */
interface ClusterIpRule {
  readonly localDetector: LocalDetector | null;
  readonly masqueradeAll: boolean | null;
}

const unsaid: ClusterIpRule = { localDetector: null, masqueradeAll: null };

/**
 * Reads how kube-proxy tells local packets, off one of these:
 *
 *     -A KUBE-SERVICES ! -s 10.244.0.0/16 ... -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ   a detector
 *     -A KUBE-SERVICES ... -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ                      masqueradeAll
 *     -A KUBE-SERVICES ... -m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ                      neither
 */
export function clusterIpRule(ruleset: Ruleset, family: Family): ClusterIpRule {
  const nat = ruleTables(ruleset, family).tables.get('nat');
  const chain = nat?.table.findChain('KUBE-SERVICES') ?? -1;
  if (nat === undefined || chain < 0) return unsaid;
  for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
    if (nat.jumpTarget(rule) !== 'KUBE-MARK-MASQ') continue;
    const set = nat.plan(rule).conditions.find((condition) => condition.kind === 'set');
    if (set?.kind !== 'set' || set.name !== kubeSetName(family, 'CLUSTER-IP')) continue;
    if (set.sides[0] === 'src') return { localDetector: { kind: 'none' }, masqueradeAll: false };
    const localDetector = detectorIn(nat, rule);
    return { localDetector, masqueradeAll: localDetector === null };
  }
  return unsaid;
}

function detectorIn(nat: WalkedTable, rule: number): LocalDetector | null {
  for (const condition of nat.plan(rule).conditions) {
    if (condition.kind === 'in-interface' && condition.negated) {
      return { kind: 'interface', pattern: condition.pattern };
    }
    if (condition.kind !== 'source' || !condition.negated) continue;
    const prefix = parsePrefix(nat.operandText(rule, condition.prefix));
    if (prefix !== null) return { kind: 'prefix', prefix };
  }
  return null;
}
