/**
 * Where a node sends packets for an address, by its rules and routes as the kernel looks them up (ip-rule(8)): rules by
 * priority, in each table the longest prefix, among equals the least metric. Routes that are dead are passed over.
 *
 *     0:     from all lookup local
 *     512:   from all to 10.2.7.9 lookup main
 *     32766: from all lookup main             10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
 *
 * A packet is taken to come from any source and to have no mark. What depends on a source or a link is not decided.
 */
import { type Address, type Family, familyOf, type Prefix } from '../../../proto/address.ts';
import type { NodeRoute, RoutesReport, RoutingRule } from '../../../proto/parts.ts';
import { prefixOfAddress, prefixSet } from '../../../proto/prefixes.ts';

export type Lookup =
  /** The routes that it takes, several where they are equal or have several next hops. */
  | { readonly kind: 'route'; readonly routes: readonly [NodeRoute, ...NodeRoute[]] }
  /** It is dropped or refused on purpose: blackhole, unreachable, prohibit, throw. */
  | { readonly kind: 'refused'; readonly by: NodeRoute | RoutingRule }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly because: string };

const usualTables = ['local', 'main', 'default'];
const refusals = ['blackhole', 'unreachable', 'prohibit'];

/** Looks one address up. Costs a few map lookups: the report's routes are indexed once. */
export function lookUp(report: RoutesReport, address: Address): Lookup {
  const index = indexOf(report);
  if (index.cutBecause !== null) return { kind: 'unknown', because: index.cutBecause };
  const family = familyOf(address);
  const value = firstOf(prefixOfAddress(address));
  let undecided: string | null = null;
  for (const step of index.steps[family]) {
    if (step.to !== null && !isWithin(value, step.to)) continue;
    const found =
      step.refuses !== null ? refusedBy(step.refuses) : index.tables.get(`${family} ${step.table}`)?.find(value);
    if (found === undefined) continue;
    if (step.onlySome === null) return undecided === null ? found : { kind: 'unknown', because: undecided };
    undecided ??= step.onlySome;
  }
  return undecided === null ? { kind: 'none' } : { kind: 'unknown', because: undecided };
}

/** The routes of table main, and of those that rules name, whose destinations lie inside a range or are equal to it. */
export function routesInside(report: RoutesReport, range: Prefix): readonly NodeRoute[] {
  const [wide] = intervalsOf(range);
  if (wide === undefined) return [];
  return report.routes.first.filter(({ table, destination, family }) => {
    if (table === 'local' || family !== familyOf(range)) return false;
    const [narrow] = intervalsOf(destination);
    return narrow !== undefined && narrow.first >= wide.first && narrow.last <= wide.last;
  });
}

type Value = number | bigint;

/** One rule, as far as it concerns packets without a mark. */
interface Step {
  readonly to: Prefix | null;
  readonly table: string;
  readonly refuses: RoutingRule | null;
  /** Why it does not concern every packet; null: it does. */
  readonly onlySome: string | null;
}

interface Index {
  readonly steps: { readonly [family in Family]: readonly Step[] };
  readonly tables: ReadonlyMap<string, RouteTable>;
  readonly cutBecause: string | null;
}

const indexes = new WeakMap<RoutesReport, Index>();

function indexOf(report: RoutesReport): Index {
  const known = indexes.get(report);
  if (known !== undefined) return known;
  const tables = new Map<string, RouteTable>();
  for (const route of report.routes.first) {
    const key = `${route.family} ${route.table}`;
    const table = tables.get(key) ?? new RouteTable();
    tables.set(key, table);
    table.add(route);
  }
  const steps = { ipv4: stepsOf(report, 'ipv4'), ipv6: stepsOf(report, 'ipv6') };
  const index = { steps, tables, cutBecause: whyCut(report) };
  indexes.set(report, index);
  return index;
}

/** Table main is listed first, so that a cut takes what matters least. */
function whyCut({ routes, rules }: RoutesReport): string | null {
  if (rules !== null && rules.total > rules.first.length)
    return `only ${rules.first.length} of ${rules.total} rules are known`;
  const jump = rules?.first.find(({ action }) => action === 'goto');
  if (jump !== undefined) return `rule ${jump.priority} goes on at another one`;
  const isWhole = routes.total === routes.first.length || routes.first.at(-1)?.table === 'local';
  return isWhole ? null : `only ${routes.first.length} of ${routes.total} routes are known`;
}

function stepsOf({ rules }: RoutesReport, family: Family): readonly Step[] {
  const own = rules === null ? [] : rules.first.filter((rule) => rule.family === family);
  if (own.length === 0) return usualTables.map((table) => ({ to: null, table, refuses: null, onlySome: null }));
  return own
    .toSorted((one, other) => one.priority - other.priority)
    .flatMap((rule) => {
      if (rule.mark !== null && rule.further === null && !takesUnmarked(rule.mark)) return [];
      const refuses = refusals.includes(rule.action) ? rule : null;
      if (rule.table === null && refuses === null) return [];
      const to = rule.further === null ? rule.to : null;
      return [{ to, table: rule.table ?? '', refuses, onlySome: whyOnlySome(rule) }];
    });
}

/** `0x200/0xf00`: a packet without a mark has 0. */
function takesUnmarked(mark: string): boolean {
  return Number(mark.split('/')[0]) === 0;
}

/** With `not` a rule is for all that its words do not fit. */
function whyOnlySome({ from, link, further, priority }: RoutingRule): string | null {
  if (further !== null) return `rule ${priority} asks for more: ${further}`;
  if (from !== null) return `rule ${priority} is for packets from ${from}`;
  return link === null ? null : `rule ${priority} is for packets of ${link}`;
}

function refusedBy(by: NodeRoute | RoutingRule): Lookup {
  return { kind: 'refused', by };
}

/** The routes of one table and family, by length and network. */
class RouteTable {
  readonly #byLength = new Map<number, Map<Value, NodeRoute[]>>();
  #lengths: readonly number[] | null = null;

  add(route: NodeRoute): void {
    if (route.isDead || isPlaceholder(route)) return;
    const length = lengthOf(route.destination);
    const networks = this.#byLength.get(length) ?? new Map<Value, NodeRoute[]>();
    this.#byLength.set(length, networks);
    const network = firstOf(route.destination);
    const routes = networks.get(network);
    if (routes === undefined) networks.set(network, [route]);
    else routes.push(route);
  }

  find(value: Value): Lookup | undefined {
    this.#lengths ??= [...this.#byLength.keys()].sort((a, b) => b - a);
    for (const length of this.#lengths) {
      const routes = this.#byLength.get(length)?.get(networkOf(value, length));
      if (routes === undefined) continue;
      const least = Math.min(...routes.map(({ metric }) => metric));
      const [first, ...more] = routes.filter(({ metric }) => metric === least);
      // `throw` goes on with the next rule.
      if (first === undefined || first.kind === 'throw') return undefined;
      return refusals.includes(first.kind) ? refusedBy(first) : { kind: 'route', routes: [first, ...more] };
    }
    return undefined;
  }
}

/** `unreachable default dev lo metric 4294967295`: how older kernels show that IPv6 has no default route. */
function isPlaceholder({ kind, metric }: NodeRoute): boolean {
  return kind === 'unreachable' && metric === 0xffff_ffff;
}

function lengthOf(prefix: Prefix): number {
  return Number(prefix.slice(prefix.lastIndexOf('/') + 1));
}

function intervalsOf(prefix: Prefix): readonly { readonly first: Value; readonly last: Value }[] {
  const { ipv4, ipv6 } = prefixSet([prefix]);
  return ipv4.length > 0 ? ipv4 : ipv6;
}

/** The first address of a prefix. */
function firstOf(prefix: Prefix): Value {
  return intervalsOf(prefix)[0]?.first ?? 0;
}

function networkOf(value: Value, length: number): Value {
  if (typeof value === 'number') return value - (value % 2 ** (32 - length));
  const hostBits = BigInt(128 - length);
  return (value >> hostBits) << hostBits;
}

function isWithin(value: Value, prefix: Prefix): boolean {
  return intervalsOf(prefix).some(
    ({ first, last }) => typeof first === typeof value && value >= first && value <= last,
  );
}
