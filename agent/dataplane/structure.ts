/**
 * How one backend's tables are built, as far as kube-proxy's chains go: facts for the checks, no verdicts.
 * Hundreds of thousands of rules are looked at by shape and operand (see node-iptables-parse); only those that end up in
 * the report, and the few of the built-in chains, are read word by word.
 *
 *     -A KUBE-SVC-TG4Y7II5EGIOXNPD -m statistic --mode random --probability 0.5 -j KUBE-SEP-VGV5LLOOEQPQNDWN
 *         the chain that jumps                                                     the chain that must hold a DNAT
 */
import type { Ruleset, Table } from 'node-iptables-parse';
import type { Family } from '../../proto/address.ts';
import type { DanglingJump, DuplicateRule, IptablesBackend, IptablesStructure, RuleLine } from '../../proto/parts.ts';
import { findBaseJumps } from './base-jumps.ts';
import { Collected } from './collected.ts';
import { findDuplicates } from './duplicate-rules.ts';
import { dropsInvalidPackets } from './invalid-packets.ts';
import { chainKinds, foreignChain, kubeChain, serviceChain } from './kube-chains.ts';
import { masqueradePathOf } from './masquerading.ts';
import type { NodeFacts } from './node-facts.ts';
import { ruleTables } from './rule-tables.ts';
import { jumpTargets, type ShapeFacts, shapeFacts } from './shape-facts.ts';
import { surroundingsOf } from './surroundings.ts';

export interface StructureInput {
  readonly backend: IptablesBackend;
  readonly family: Family;
  readonly ruleset: Ruleset;
  /** kube-proxy's mark is 1 << markBit. */
  readonly markBit: number;
  /** Absent = nothing is known of addresses, links and pods. */
  readonly node?: Omit<NodeFacts, 'family'>;
}

const unknownNode: Omit<NodeFacts, 'family'> = { localAddresses: [], localDetector: { kind: 'none' } };

/** Describes one ruleset. Base jumps and masquerading are judged only where kube-proxy's service rules live. */
export function describeStructure({ backend, family, ruleset, markBit, node }: StructureInput): IptablesStructure {
  const facts = shapeFacts(ruleset);
  const kubeRules = { nat: 0, filter: 0 };
  const found: Findings = { dangling: new Collected(), duplicates: new Collected(), orphaned: new Collected() };
  const unreadable = new Collected<RuleLine>();
  let hasServiceRules = false;
  let rules = 0;
  for (const table of ruleset.tables.values()) {
    rules += table.ruleCount;
    collectUnreadable(table, facts, unreadable);
    if (table.name !== 'nat' && table.name !== 'filter') continue;
    const kinds = chainKinds(table);
    kubeRules[table.name] = countKubeRules(table, kinds);
    if (table.name === 'nat') hasServiceRules = holdsServiceRules(table, kinds);
    collectFindings(table, kinds, facts, found);
  }
  const baseJumps = hasServiceRules ? findBaseJumps(ruleset.tables) : { present: [], missing: [] };
  const tables = ruleTables(ruleset, family);
  return {
    backend,
    family,
    tables: [...ruleset.tables.keys()],
    rules,
    kubeRules,
    hasServiceRules,
    presentBaseJumps: baseJumps.present,
    missingBaseJumps: baseJumps.missing,
    danglingJumps: found.dangling.excerpt(),
    duplicateRules: found.duplicates.excerpt(),
    orphanedChains: found.orphaned.excerpt(),
    unreadableRules: unreadable.excerpt(),
    masqueradePath: hasServiceRules ? masqueradePathOf(tables.tables.get('nat'), markBit) : 'ok',
    dropsInvalid: dropsInvalidPackets(ruleset.tables.get('filter')),
    ...surroundingsOf(tables, { ...(node ?? unknownNode), family }, markBit),
  };
}

interface Findings {
  readonly dangling: Collected<DanglingJump>;
  readonly duplicates: Collected<DuplicateRule>;
  readonly orphaned: Collected<{ readonly table: string; readonly chain: string }>;
}

function ruleLine(table: Table, rule: number): RuleLine {
  return { table: table.name, chain: table.chainName(table.chainOf(rule)), rule: table.text(rule) };
}

function ruleCountOf(table: Table, chain: number): number {
  return (table.ruleStart[chain + 1] ?? 0) - (table.ruleStart[chain] ?? 0);
}

/**
 * kube-proxy's ipvs mode has a KUBE-SERVICES chain with rules too, which only mark and accept; KUBE-NODE-PORT is its
 * own, and stands for KUBE-NODEPORTS of the iptables mode.
 */
function holdsServiceRules(nat: Table, kinds: Uint8Array): boolean {
  if (kinds.some((kind) => kind >= serviceChain)) return true;
  const services = nat.findChain('KUBE-SERVICES');
  return services >= 0 && ruleCountOf(nat, services) > 0 && nat.findChain('KUBE-NODE-PORT') < 0;
}

function countKubeRules(table: Table, kinds: Uint8Array): number {
  let count = 0;
  for (let chain = 0; chain < table.chainCount; chain++) {
    if ((kinds[chain] ?? foreignChain) >= kubeChain) count += ruleCountOf(table, chain);
  }
  return count;
}

function collectUnreadable(table: Table, facts: ShapeFacts, unreadable: Collected<RuleLine>): void {
  const { shapeOf, ruleCount } = table;
  for (let rule = 0; rule < ruleCount; rule++) {
    if (facts.unreadable[shapeOf[rule] ?? 0] !== 1 || table.rule(rule).unreadable === null) continue;
    unreadable.add(() => ruleLine(table, rule));
  }
}

function collectFindings(table: Table, kinds: Uint8Array, facts: ShapeFacts, found: Findings): void {
  const targets = jumpTargets(table, facts);
  const broken = brokenChains(table, kinds, facts);
  const referenced = new Uint8Array(table.chainCount);
  for (let rule = 0; rule < table.ruleCount; rule++) {
    const target = targets[rule] ?? -1;
    if (target >= 0) {
      referenced[target] = 1;
      if (broken[target] !== 1) continue;
      found.dangling.add(() => ({ ...ruleLine(table, rule), target: table.chainName(target) }));
      continue;
    }
    const absent = facts.absentTarget[table.shapeOf[rule] ?? 0];
    if (absent?.startsWith('KUBE-') !== true) continue;
    found.dangling.add(() => ({ ...ruleLine(table, rule), target: absent }));
  }
  for (let chain = 0; chain < table.chainCount; chain++) {
    if ((kinds[chain] ?? foreignChain) < serviceChain || referenced[chain] === 1) continue;
    found.orphaned.add(() => ({ table: table.name, chain: table.chainName(chain) }));
  }
  for (const { rule, count } of findDuplicates(table, kinds, targets)) {
    found.duplicates.add(() => ({ ...ruleLine(table, rule), count }));
  }
}

/** 1 = a service chain that does nothing with a packet: empty, or of an endpoint and without DNAT. */
function brokenChains(table: Table, kinds: Uint8Array, { dnat }: ShapeFacts): Uint8Array {
  const { chainCount, ruleStart, shapeOf } = table;
  const broken = new Uint8Array(chainCount);
  for (let chain = 0; chain < chainCount; chain++) {
    const kind = kinds[chain] ?? foreignChain;
    if (kind < serviceChain) continue;
    let works = kind === serviceChain && ruleCountOf(table, chain) > 0;
    for (let rule = ruleStart[chain] ?? 0; !works && rule < (ruleStart[chain + 1] ?? 0); rule++) {
      works = dnat[shapeOf[rule] ?? 0] === 1;
    }
    broken[chain] = works ? 0 : 1;
  }
  return broken;
}
