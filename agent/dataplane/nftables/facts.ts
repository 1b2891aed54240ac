/**
 * What kube-proxy's tables say of its configuration.
 *
 *     ip daddr @cluster-ips ip saddr != 10.244.0.0/16 meta mark set meta mark | 0x00004000      newer: once, in `services`
 *     ip daddr 172.30.0.41 tcp dport 80 ip saddr != 10.0.0.0/8 jump mark-for-masquerade         older: per service
 *     ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports                     those addresses
 *     fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports     all
 */
import type { Family, Prefix } from '../../../proto/address.ts';
import { toPrefixes, union, type PrefixSet, emptySet } from '../../../proto/prefixes.ts';
import type { LocalDetector } from '../../../proto/profile.ts';
import type { NodePortRules } from '../node-port-rules.ts';
import { elementsOf } from './lookup.ts';
import { ChainPlans } from './plans.ts';
import { Postrouting } from './postrouting.ts';
import type { Rule, Step } from './rule.ts';
import type { NftTable } from './table.ts';
import type { FamilyTable } from './trace.ts';

/** As RuleFacts of the collectors; null = the rules do not say. */
export interface NftRuleFacts {
  readonly localDetector: { readonly [family in Family]: LocalDetector | null };
  readonly nodePorts: { readonly [family in Family]: NodePortRules | null };
  readonly markBit: number | null;
  readonly masqueradeAll: boolean | null;
  readonly hairpin: 'every-endpoint' | 'own-endpoints' | null;
  readonly refusesOwnFirst: boolean | null;
}

/** The priority at which the kernel translates destinations, see nft(8). */
const dstnat = -100;

/** Chains of services looked at before the commonest answer is taken: one odd chain is damage, not configuration. */
const sample = 200;

/** Where both families speak of both, the first word counts: they were written by the same configuration. */
export function nftRuleFacts(tables: readonly FamilyTable[]): NftRuleFacts {
  const told = tables.map(({ family, table }) => ({ family, said: factsOf(table) }));
  const of = (family: Family): FamilyFacts | undefined => told.find((one) => one.family === family)?.said;
  const firstOf = <T>(ask: (said: FamilyFacts) => T | null): T | null =>
    told.reduce<T | null>((known, { said }) => known ?? ask(said), null);
  return {
    localDetector: { ipv4: of('ipv4')?.localDetector ?? null, ipv6: of('ipv6')?.localDetector ?? null },
    nodePorts: { ipv4: of('ipv4')?.nodePorts ?? null, ipv6: of('ipv6')?.nodePorts ?? null },
    markBit: firstOf(({ markBit }) => markBit),
    masqueradeAll: firstOf(({ masqueradeAll }) => masqueradeAll),
    hairpin: firstOf(({ hairpin }) => hairpin),
    refusesOwnFirst: firstOf(({ refusesOwnFirst }) => refusesOwnFirst),
  };
}

interface FamilyFacts {
  readonly localDetector: LocalDetector | null;
  readonly nodePorts: NodePortRules | null;
  readonly markBit: number | null;
  readonly masqueradeAll: boolean | null;
  readonly hairpin: 'every-endpoint' | 'own-endpoints';
  readonly refusesOwnFirst: boolean;
}

function factsOf(table: NftTable): FamilyFacts {
  const plans = new ChainPlans(table);
  const marking = markingRules(plans);
  const clusterIp = marking.filter(({ steps }) => asksFor(steps, 'destination'));
  const all = clusterIp.filter(({ steps }) => detectorIn(steps) === null).length;
  return {
    localDetector: commonest([...marking.flatMap(({ steps }) => detectorIn(steps) ?? []), ...podRoutes(plans)]),
    nodePorts: nodePortsOf(plans),
    markBit: markBitOf(plans, marking),
    masqueradeAll: clusterIp.length === 0 ? null : all * 2 > clusterIp.length,
    hairpin: listsOwnEndpoints(table) ? 'own-endpoints' : 'every-endpoint',
    refusesOwnFirst: (table.chains.get('filter-output')?.base?.priority ?? 0) < dstnat,
  };
}

/** Rules that mark packets, of the skeleton and of some services. */
function markingRules(plans: ChainPlans): readonly Rule[] {
  const found: Rule[] = [];
  for (const name of ['services', ...serviceChains(plans.table)]) {
    for (const rule of plans.rules(name) ?? []) if (rule.steps.some((step) => marks(step))) found.push(rule);
  }
  return found;
}

function marks(step: Step): boolean {
  if (step.kind === 'set-mark') return true;
  return step.kind === 'verdict' && 'chain' in step.verdict && step.verdict.chain === 'mark-for-masquerade';
}

function serviceChains({ chains }: NftTable): readonly string[] {
  const names: string[] = [];
  for (const name of chains.keys()) {
    if (names.length === sample) break;
    if (/^(service|local|external)-/.test(name)) names.push(name);
  }
  return names;
}

function asksFor(steps: readonly Step[], field: 'source' | 'destination'): boolean {
  return steps.some((step) => step.kind === 'asks' && step.fields.length === 1 && step.fields[0] === field);
}

/** The "not local" match of a rule. */
function detectorIn(steps: readonly Step[]): LocalDetector | null {
  for (const step of steps) {
    if (step.kind === 'interface' && step.negated && step.way === 'in' && step.patterns[0] !== undefined) {
      return { kind: 'interface', pattern: step.patterns[0] };
    }
    const prefix = step.kind === 'asks' && step.negated ? soleSource(step) : null;
    if (prefix !== null) return { kind: 'prefix', prefix };
  }
  return null;
}

/** What external chains of Local services say: `ip saddr 10.244.0.0/16 goto service-x comment "short-circuit pod traffic"`. */
function podRoutes(plans: ChainPlans): readonly LocalDetector[] {
  const found: LocalDetector[] = [];
  for (const name of serviceChains(plans.table)) {
    if (!name.startsWith('external-')) continue;
    for (const { steps } of plans.rules(name) ?? []) {
      const [first, goes, more] = steps;
      if (goes?.kind !== 'verdict' || goes.verdict.kind !== 'goto' || more !== undefined) continue;
      if (first?.kind === 'interface' && !first.negated && first.patterns[0] !== undefined) {
        found.push({ kind: 'interface', pattern: first.patterns[0] });
      }
      const prefix = first?.kind === 'asks' && !first.negated ? soleSource(first) : null;
      if (prefix !== null) found.push({ kind: 'prefix', prefix });
    }
  }
  return found;
}

/** The one prefix that a match asks of the source; null when it asks for anything else. */
function soleSource({ fields, among }: Extract<Step, { kind: 'asks' }>): Prefix | null {
  if (fields.length !== 1 || fields[0] !== 'source' || !('elements' in among)) return null;
  let held: PrefixSet = emptySet;
  for (const [sources] of among.elements.addressesAt(0, [undefined])) held = union(held, sources);
  const [prefix, more] = toPrefixes(held);
  return more === undefined ? (prefix ?? null) : null;
}

function commonest(detectors: readonly LocalDetector[]): LocalDetector | null {
  const counts = new Map<string, { readonly detector: LocalDetector; count: number }>();
  for (const detector of detectors) {
    const text = JSON.stringify(detector);
    const known = counts.get(text);
    if (known === undefined) counts.set(text, { detector, count: 1 });
    else known.count++;
  }
  const [first] = [...counts.values()].sort((a, b) => b.count - a.count);
  return first?.detector ?? null;
}

function nodePortsOf(plans: ChainPlans): NodePortRules | null {
  for (const { steps } of plans.rules('services') ?? []) {
    const map = steps.find((step) => step.kind === 'verdict-map');
    if (map?.kind !== 'verdict-map' || map.fields.join(' ') !== 'protocol port') continue;
    if (steps.some((step) => step.kind === 'address-type')) return { addresses: 'all', localhost: false };
    const asked = steps.find((step) => step.kind === 'asks' && step.fields.join(' ') === 'destination');
    const elements = asked?.kind === 'asks' && !asked.negated ? elementsOf(plans.table, asked.among) : null;
    if (elements?.isRead !== true) return null;
    let held: PrefixSet = emptySet;
    for (const [addresses] of elements.addressesAt(0, [undefined])) held = union(held, addresses);
    return { addresses: toPrefixes(held), localhost: false };
  }
  return null;
}

function markBitOf(plans: ChainPlans, marking: readonly Rule[]): number | null {
  const marks = marking.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'set-mark' ? [step.value] : [])));
  const mark = new Postrouting(plans).markAfter('mark-for-masquerade') || marks[0];
  const bit = mark === undefined ? -1 : Math.log2(mark);
  return Number.isInteger(bit) && bit >= 0 ? bit : null;
}

/** Newer releases list the endpoints on the node that may reach themselves; older ones mark each in its own chain. */
export function listsOwnEndpoints(table: NftTable): boolean {
  return table.sets.has('hairpin-connections');
}
