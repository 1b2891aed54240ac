/**
 * Strangers' rules that end the way of service packets before kube-proxy's rules see them:
 *
 *   PREROUTING ─▶ -d 10.96.0.0/12 -j ACCEPT ─▶ KUBE-SERVICES        the second is never met
 *   FORWARD ────▶ FLANNEL-FWD: -s 10.244.0.0/16 -j ACCEPT ─▶ KUBE-SERVICES: REJECT        nor is this one
 *
 * Calico, Docker and others stand before kube-proxy by intent and take other packets. So the frontends that kube-proxy
 * lists are walked through what stands before its jump, and only what really takes their packets is told. What depends on
 * the interface, or cannot be decided, is not: the frontend's fate is then unknown anyway.
 */
import type { Address } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import { type Frontend, type FrontendKey, type Origin, origins } from '../../proto/forwarding.ts';
import type { BaseJump } from '../../proto/parts.ts';
import { sourcesOf } from '../../proto/origin-sources.ts';
import { everything, isEmpty } from '../../proto/prefixes.ts';
import { jumpPlace } from './base-jumps.ts';
import { isKubeChain } from './chains-reached.ts';
import { type Hooks, newWalk, unmarked } from './hook-walk.ts';
import { frontendsIn, type ListedFrontend, type Listing, listFrontends } from './listed-frontends.ts';
import { reachableAddresses } from './node-facts.ts';
import type { Walk } from './pieces.ts';
import type { WalkedTable } from './rule-tables.ts';
import { walkHead } from './walk.ts';

/** A rule, the jump it stands before, and what it takes. */
export interface FoundRuleAhead {
  readonly table: WalkedTable;
  readonly rule: number;
  readonly ahead: BaseJump;
  readonly origins: ReadonlySet<Origin>;
  readonly frontends: ReadonlySet<FrontendKey>;
}

interface AskedJump extends BaseJump {
  /** Whose packets come this way. */
  readonly origins: readonly Origin[];
}

const asked: readonly AskedJump[] = [
  { table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES', origins: ['pod', 'outside'] },
  { table: 'nat', from: 'OUTPUT', to: 'KUBE-SERVICES', origins: ['node'] },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-SERVICES', origins: ['pod', 'outside'] },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-EXTERNAL-SERVICES', origins: ['pod', 'outside'] },
  { table: 'filter', from: 'FORWARD', to: 'KUBE-PROXY-FIREWALL', origins: ['pod', 'outside'] },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-SERVICES', origins: ['node'] },
  { table: 'filter', from: 'OUTPUT', to: 'KUBE-PROXY-FIREWALL', origins: ['node'] },
  { table: 'filter', from: 'INPUT', to: 'KUBE-EXTERNAL-SERVICES', origins },
  { table: 'filter', from: 'INPUT', to: 'KUBE-PROXY-FIREWALL', origins },
];

/** Work beyond which no further frontend is asked for: some seconds. */
const mostSteps = 2_000_000;

/** Finds them, in the order of the jumps that they stand before. */
export function findRulesAhead(hooks: Hooks): readonly FoundRuleAhead[] {
  const found = new Map<string, Taker>();
  const budget = { steps: mostSteps };
  let listing: Listing | null = null;
  const whole = () => (listing ??= listFrontends(hooks.tables));
  for (const jump of asked) {
    const table = hooks.tables.tables.get(jump.table);
    const place = table === undefined ? -1 : jumpPlace(table.table, jump.from, jump.to);
    if (table === undefined || place < 0 || !mayTakeAny(table, jump.from, place)) continue;
    const head = { hooks, table, jump, place, budget };
    // A rule before nat's takes packets of whatever becomes of them; one in filter only what stands in that very chain.
    const listed = jump.table === 'nat' ? whole().frontends : frontendsIn(hooks.tables, jump);
    for (const one of listed.values()) takenAhead(head, one, found);
  }
  return [...found.values()];
}

interface Head {
  readonly hooks: Hooks;
  readonly table: WalkedTable;
  readonly jump: AskedJump;
  /** The rule that leads to kube-proxy's chain. */
  readonly place: number;
  readonly budget: { steps: number };
}

interface Taker extends FoundRuleAhead {
  readonly origins: Set<Origin>;
  readonly frontends: Set<FrontendKey>;
}

/** Whether any rule before the jump does more than to count and to mark. */
function mayTakeAny(table: WalkedTable, hook: string, place: number): boolean {
  const chain = table.table.findChain(hook);
  for (let rule = table.firstRule(chain); rule < place; rule++) {
    const { action } = table.plan(rule);
    if (action.kind === 'pass' || action.kind === 'mark') continue;
    // kube-proxy's own chains do what they should wherever they stand.
    if (isKubeChain(table.jumpTarget(rule) ?? '')) continue;
    if (action.kind === 'jump' && table.isIdle(table.operandId(rule, action.operand))) continue;
    return true;
  }
  return false;
}

function takenAhead(head: Head, { frontend }: ListedFrontend, found: Map<string, Taker>): void {
  const { hooks, table, jump, budget } = head;
  const address = frontend.address === 'node' ? reachableAddresses(hooks.facts)[0] : frontend.address;
  if (address === undefined) return;
  for (const origin of jump.origins) {
    if (budget.steps <= 0) return;
    const rule = takerOf(head, frontend, { address, origin });
    if (rule === null) continue;
    const name = `${table.table.name} ${rule} ${jump.from}`;
    const { table: tableName, from, to } = jump;
    const taker = found.get(name) ?? {
      table,
      rule,
      ahead: { table: tableName, from, to },
      origins: new Set<Origin>(),
      frontends: new Set<FrontendKey>(),
    };
    taker.origins.add(origin);
    taker.frontends.add(frontendKey(frontend));
    found.set(name, taker);
  }
}

/** The rule that ends the way of all or some of these packets before they get to the jump; null where none does. */
function takerOf(
  { hooks, table, jump, place, budget }: Head,
  { protocol, port, address: listed }: Frontend,
  { address, origin }: { readonly address: Address; readonly origin: Origin },
): number | null {
  const fromNode = origin === 'node';
  const walk = newWalk(hooks, { address, protocol, port, fromNode });
  // To the node's own addresses FORWARD sees nothing, and INPUT nothing else.
  if (jump.from === 'INPUT' ? !walk.packet.toNode : jump.from === 'FORWARD' && walk.packet.toNode) return null;
  const own = sourcesOf(hooks.facts)(listed)[origin];
  const sources = isEmpty(own) ? everything(hooks.tables.family) : own;
  const { returned } = walkHead({ table, spreads: hooks.spreadsOf(table), walk }, jump.from, place, [
    unmarked(sources),
  ]);
  budget.steps -= walk.steps + 1;
  if (walk.unknown !== null || walk.askedInterface || walk.doubts.reason !== null) return null;
  return walk.leaves.length > 0 || returned.length > 0 ? endingOf(walk, table, jump.from) : null;
}

const ending = new Set(['dnat', 'accept', 'drop', 'reject', 'untrack']);

/** The rule that ended the walk, a stranger's; null where it was one of kube-proxy's own. */
function endingOf(walk: Walk, table: WalkedTable, hook: string): number | null {
  const nameOf = (rule: number) => table.table.chainName(table.table.chainOf(rule));
  const last = (walk.path ?? []).findLast(({ rule }) => {
    const { kind } = table.plan(rule).action;
    // A return ends the way only where nobody has jumped from.
    return ending.has(kind) || (kind === 'return' && nameOf(rule) === hook);
  });
  return last === undefined || isKubeChain(nameOf(last.rule)) ? null : last.rule;
}
