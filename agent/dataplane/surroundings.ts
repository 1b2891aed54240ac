/**
 * What stands around kube-proxy's rules and touches what they are for: strangers' rules before its jumps, on its mark and
 * in FORWARD, host ports; and the rules of its own that are asked for by themselves: health check ports, local drops.
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { Excerpt, IptablesStructure, MarkRule, RuleAhead, RuleLine } from '../../proto/parts.ts';
import { Collected } from './collected.ts';
import { lineOf } from './family-tracer.ts';
import { hooksOf } from './hook-walk.ts';
import { hostPortsOf } from './host-ports.ts';
import { localDropsOf } from './local-drops.ts';
import { findMarkRules } from './mark-rules.ts';
import type { NodeFacts } from './node-facts.ts';
import { podForwardingOf } from './pod-forwarding.ts';
import type { RuleTables, WalkedTable } from './rule-tables.ts';
import { type FoundRuleAhead, findRulesAhead } from './rules-ahead.ts';

type Surroundings = Pick<
  IptablesStructure,
  | 'rulesAhead'
  | 'rulesAfterNodePorts'
  | 'markRules'
  | 'podForwarding'
  | 'hostPorts'
  | 'healthCheckPorts'
  | 'localDrops'
  | 'droppedPackets'
>;

/** As many as a report may list. */
const mostListed = 2000;

/**
 * Describes one family's tables.
 * @param markBit kube-proxy's mark is 1 << markBit.
 */
export function surroundingsOf(tables: RuleTables, facts: NodeFacts, markBit: number): Surroundings {
  const hooks = hooksOf(tables, facts);
  const nat = tables.tables.get('nat');
  return {
    rulesAhead: rulesAheadOf(findRulesAhead(hooks)),
    rulesAfterNodePorts: afterNodePorts(nat),
    markRules: markRulesOf(tables, markBit),
    podForwarding: podForwardingOf(hooks),
    hostPorts: hostPortsOf(nat),
    healthCheckPorts: healthCheckPortsOf(tables.tables.get('filter')),
    localDrops: localDropsOf(tables).length,
    // Counted apart: agent/collectors/dropped-packets.ts.
    droppedPackets: { total: 0, first: [] },
  };
}

function rulesAheadOf(found: readonly FoundRuleAhead[]): Excerpt<RuleAhead> {
  const collected = new Collected<RuleAhead>();
  let room = mostListed;
  for (const { table, rule, ahead, origins, frontends } of found) {
    collected.add(() => {
      const first: readonly FrontendKey[] = [...frontends].slice(0, room);
      room -= first.length;
      return { ...lineOf(table, rule), ahead, origins: [...origins], frontends: { total: frontends.size, first } };
    });
  }
  return collected.excerpt();
}

function markRulesOf(tables: RuleTables, markBit: number): Excerpt<MarkRule> {
  const collected = new Collected<MarkRule>();
  for (const { table, rule, effect } of findMarkRules(tables, markBit)) {
    collected.add(() => ({ ...lineOf(table, rule), effect }));
  }
  return collected.excerpt();
}

/** Several rules may lead to KUBE-NODEPORTS, one for each address: what stands behind the first and is none of them. */
function afterNodePorts(nat: WalkedTable | undefined): Excerpt<RuleLine> {
  const collected = new Collected<RuleLine>();
  const chain = nat?.table.findChain('KUBE-SERVICES') ?? -1;
  if (nat === undefined || chain < 0) return collected.excerpt();
  let isBehind = false;
  for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
    if (nat.jumpTarget(rule) === 'KUBE-NODEPORTS') isBehind = true;
    else if (isBehind) collected.add(() => lineOf(nat, rule));
  }
  return collected.excerpt();
}

/** `-A KUBE-NODEPORTS -p tcp -m comment --comment "... health check node port" -m tcp --dport 32000 -j ACCEPT` */
function healthCheckPortsOf(filter: WalkedTable | undefined): readonly number[] {
  const chain = filter?.table.findChain('KUBE-NODEPORTS') ?? -1;
  if (filter === undefined || chain < 0) return [];
  const ports = new Set<number>();
  for (let rule = filter.firstRule(chain); rule < filter.endOfRules(chain); rule++) {
    const port = filter.singlePort(rule);
    const isAccepted = filter.plan(rule).action.kind === 'accept' && filter.protocol(rule) === 'tcp';
    if (isAccepted && port !== null && ports.size < mostListed) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}
