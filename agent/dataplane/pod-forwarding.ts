/**
 * Whether the node lets pods reach each other: new, unmarked connections through its FORWARD chains.
 *
 *   a pod ──▶ mangle PREROUTING ──▶ mangle, filter FORWARD ──▶ another pod, here or on another node
 *                                      │
 *                                      ├─ KUBE-FORWARD accepts what has kube-proxy's mark, or is answered already
 *                                      ├─ the CNI plugin's rules accept the rest: -s 10.244.0.0/16 -j ACCEPT
 *                                      └─ else the policy: ufw, Docker and hardened images set DROP
 *
 * Rules for single addresses are network policies, and say nothing of pods as such: they are walked around. Where the
 * answer depends on the interface, or on what cannot be decided, it is unknown.
 */
import type { Address, Prefix } from '../../proto/address.ts';
import { parseAddress } from '../../proto/address.ts';
import type { UnknownReason } from '../../proto/forwarding.ts';
import type { PodForwarding, RuleLine } from '../../proto/parts.ts';
import {
  addressSet,
  everything,
  isEmpty,
  type PrefixSet,
  parsePrefix,
  prefixSet,
  subtract,
  toPrefixes,
} from '../../proto/prefixes.ts';
import { isKubeChain } from './chains-reached.ts';
import { lineOf } from './family-tracer.ts';
import { type Hooks, newWalk, unmarked } from './hook-walk.ts';
import { carryingLinks, interfacesOf } from './node-facts.ts';
import { Doubts, type Walk } from './pieces.ts';
import { cut, type WalkedTable } from './rule-tables.ts';
import { walkHook } from './walk.ts';

const hooks = ['mangle PREROUTING', 'mangle FORWARD', 'filter FORWARD'] as const;
/** Ranges of destinations that rules tell apart, beyond which nothing is claimed. */
const mostRanges = 16;
const mostWalks = 1000;
/** A port that no service is known for: rules about single ports are none about pods. */
const port = 49_151;

/** What becomes of packets among pods, by all that is known of where pods are. */
export function podForwardingOf(asked: Hooks): PodForwarding {
  const { family } = asked.tables;
  const filter = asked.tables.tables.get('filter');
  if (filter === undefined) return { fate: 'accepted' };
  const { localDetector, localAddresses } = asked.facts;
  const pods = localDetector.kind === 'prefix' ? localDetector.prefix : 'any';
  const whole = pods === 'any' ? everything(family) : prefixSet([pods]);
  const named = namedRanges(asked);
  const sources = subtract(whole, named.hostSources);
  const ranges = rangesOf(subtract(whole, addressSet(localAddresses)), named.destinations);
  if (ranges === null || isEmpty(sources)) return { fate: 'unknown', reason: 'too-complex' };
  const budget = { walks: mostWalks };
  const fates = ranges.map((range) => {
    const to = exampleIn(subtract(range, named.hostDestinations));
    return to === null ? null : fateTo(asked, { to, sources, pods }, budget);
  });
  return joined(fates.filter((fate) => fate !== null));
}

/** Prefixes that strangers' rules of filter and mangle ask for; those of one address apart. */
interface NamedRanges {
  readonly hostSources: PrefixSet;
  readonly hostDestinations: PrefixSet;
  readonly destinations: readonly Prefix[];
}

function namedRanges({ tables }: Hooks): NamedRanges {
  const hosts = { source: new Set<Prefix>(), destination: new Set<Prefix>() };
  const destinations = new Set<Prefix>();
  for (const table of [tables.tables.get('mangle'), tables.tables.get('filter')]) {
    if (table === undefined) continue;
    for (const { prefix, kind } of prefixesIn(table)) {
      if (prefix.endsWith(tables.family === 'ipv4' ? '/32' : '/128')) hosts[kind].add(prefix);
      else if (kind === 'destination') destinations.add(prefix);
    }
  }
  return {
    hostSources: prefixSet([...hosts.source]),
    hostDestinations: prefixSet([...hosts.destination]),
    destinations: [...destinations],
  };
}

function* prefixesIn(table: WalkedTable) {
  for (let chain = 0; chain < table.table.chainCount; chain++) {
    if (isKubeChain(table.table.chainName(chain))) continue;
    for (let rule = table.firstRule(chain); rule < table.endOfRules(chain); rule++) {
      for (const condition of table.plan(rule).conditions) {
        if (condition.kind !== 'source' && condition.kind !== 'destination') continue;
        const text = table.operandText(rule, condition.prefix);
        const host = parseAddress(text);
        const prefix = parsePrefix(host === null ? text : `${host}/${host.includes(':') ? 128 : 32}`);
        if (prefix !== null) yield { prefix, kind: condition.kind };
      }
    }
  }
}

/** The whole cut into ranges within which no rule tells destinations apart; null where there are too many. */
function rangesOf(whole: PrefixSet, prefixes: readonly Prefix[]): readonly PrefixSet[] | null {
  let ranges: readonly PrefixSet[] = [whole];
  for (const prefix of prefixes) {
    const by = prefixSet([prefix]);
    ranges = ranges.flatMap((range) => {
      const { inside, outside } = cut(range, by);
      return [inside, outside].filter((part) => part !== null);
    });
    if (ranges.length > mostRanges) return null;
  }
  return ranges;
}

function exampleIn(set: PrefixSet): Address | null {
  const [prefix] = toPrefixes(set);
  return prefix === undefined ? null : parseAddress(prefix.slice(0, prefix.lastIndexOf('/')));
}

interface AskedPods {
  readonly to: Address;
  readonly sources: PrefixSet;
  readonly pods: 'any' | Prefix;
}

/** The fate of packets to one address: the same by every interface and with every answer to what is in doubt. */
function fateTo(asked: Hooks, pods: AskedPods, budget: { walks: number }): PodForwarding {
  const fates: PodForwarding[] = [];
  for (const name of podInterfaces(asked)) {
    const doubts = new Doubts();
    do {
      if (budget.walks-- <= 0) return { fate: 'unknown', reason: 'too-complex' };
      const walk = walkFrom(asked, pods, name, doubts);
      const fate = fateOf(walk, pods.pods);
      if (fate.fate === 'unknown') return fate;
      fates.push(fate);
    } while (doubts.next());
    const isSame = fates.every(({ fate }) => fate === fates[0]?.fate);
    if (!isSame) return { fate: 'unknown', reason: doubts.reason ?? 'interface-dependent' };
  }
  return fates[0] ?? { fate: 'unknown', reason: 'interface-dependent' };
}

function podInterfaces({ tables, facts }: Hooks): readonly string[] {
  const patterns = new Set<string>();
  for (const name of ['mangle', 'filter']) {
    const table = tables.tables.get(name);
    const shapes = new Set<number>();
    for (let rule = 0; rule < (table?.table.ruleCount ?? 0); rule++) {
      const shape = table?.table.shapeOf[rule] ?? 0;
      if (table === undefined || shapes.has(shape)) continue;
      shapes.add(shape);
      for (const condition of table.plan(rule).conditions) {
        if (condition.kind === 'in-interface') patterns.add(condition.pattern);
      }
    }
  }
  // Packets from pods of other nodes come in by other links than those of this one's.
  return interfacesOf({ ...facts, localDetector: { kind: 'none' } }, 'outside', patterns);
}

function walkFrom(asked: Hooks, { to, sources }: AskedPods, name: string, doubts: Doubts): Walk {
  const walk = newWalk(asked, { address: to, protocol: 'tcp', port, fromNode: false }, doubts);
  walk.interface = name;
  let live: ReturnType<typeof walkHook> = [unmarked(sources)];
  for (const hook of hooks) {
    const [tableName = '', chain = ''] = hook.split(' ');
    const table = asked.tables.tables.get(tableName);
    walk.leaving = chain === 'FORWARD' ? carryingLinks(asked.facts) : 'not';
    if (table !== undefined && live.length > 0) live = walkHook(table, asked.spreadsOf(table), chain, live, walk);
  }
  for (const piece of live) walk.leaves.push({ kind: 'accepted', piece });
  return walk;
}

function fateOf(walk: Walk, pods: 'any' | Prefix): PodForwarding {
  if (walk.unknown !== null) return { fate: 'unknown', reason: walk.unknown };
  const ends = new Set(walk.leaves.filter(({ piece }) => piece.seen === null).map(({ kind }) => kind));
  const isDropped = ends.has('dropped') || ends.has('rejected');
  if (ends.has('accepted')) {
    return isDropped ? { fate: 'unknown', reason: 'address-dependent' } : { fate: 'accepted' };
  }
  return isDropped ? { fate: 'dropped', by: dropperOf(walk), pods } : { fate: 'unknown', reason: 'unreadable-target' };
}

/** The rule that dropped last; null where none did, so that it was the policy. */
function dropperOf({ path }: Walk): RuleLine | null {
  const last = path?.findLast(({ table, rule }) => {
    const { kind } = table.plan(rule).action;
    return kind === 'drop' || kind === 'reject';
  });
  return last === undefined ? null : lineOf(last.table, last.rule);
}

/** Of all destinations: what is not the same for every one is unknown. */
function joined(fates: readonly PodForwarding[]): PodForwarding {
  const [first] = fates;
  if (first === undefined) return { fate: 'unknown', reason: 'too-complex' };
  const unclear = fates.find(({ fate }) => fate === 'unknown');
  if (unclear !== undefined) return unclear;
  const reason: UnknownReason = 'address-dependent';
  return fates.every(({ fate }) => fate === first.fate) ? first : { fate: 'unknown', reason };
}
