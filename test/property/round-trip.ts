/** A random cluster's rules written as kube-proxy would, and read back as the agent would. */
import { parseRules } from 'node-iptables-parse';
import { traceIptables } from '../../agent/dataplane/iptables.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import type { DesiredState } from '../../aggregator/model/desired.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import type { RandomCluster } from './cluster-arbitrary.ts';
import { iptablesProfile } from './iptables-profile.ts';
import { writeRules } from './rule-writer.ts';
import type { WrittenRules } from './written-rules.ts';
import { printWritten } from './written-rules.ts';

export function desiredOf({ state, node }: RandomCluster): DesiredState {
  return desiredState(state, { name: node.nodeName, zone: null, profile: iptablesProfile(node) });
}

export function writtenRules({ node, family }: RandomCluster, { table, owners }: DesiredState): WrittenRules {
  return writeRules({ table, owners, ...node, markBit: node.markBit ?? 14, localhostNodePorts: true }, family);
}

/** @throws when the rules cannot be read as a dump at all. */
export function observedTable({ node, family }: RandomCluster, rules: WrittenRules): ForwardingTable {
  const expectTables = rules.map(({ name }) => name);
  const parsed = parseRules(printWritten(rules), { expectTables, trailer: 'required' });
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  const { localAddresses, localDetector } = node;
  const rulesets = [{ backend: 'legacy', family, ruleset: parsed.ruleset }] as const;
  return traceIptables({ rulesets, localAddresses, localDetector }).table;
}
