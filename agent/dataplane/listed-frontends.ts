/**
 * The frontends that kube-proxy's dispatch chains name. Which packets the chains take is left to the walk; the names
 * only say what to ask for, so that Docker's published ports or a host port do not pass for services.
 */
import type { Address } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { Frontend, FrontendKey, Protocol } from '../../proto/forwarding.ts';
import type { RuleTables, WalkedTable } from './rule-tables.ts';

/** A frontend, and the rule that names it (for the owner hint). */
export interface ListedFrontend {
  readonly frontend: Frontend;
  readonly table: WalkedTable;
  readonly rule: number;
}

const dispatchers: readonly { readonly table: string; readonly chain: string; readonly toNode: boolean }[] = [
  { table: 'nat', chain: 'KUBE-SERVICES', toNode: false },
  { table: 'nat', chain: 'KUBE-NODEPORTS', toNode: true },
  { table: 'filter', chain: 'KUBE-SERVICES', toNode: false },
  { table: 'filter', chain: 'KUBE-EXTERNAL-SERVICES', toNode: true },
  { table: 'filter', chain: 'KUBE-PROXY-FIREWALL', toNode: false },
];

export interface Listing {
  readonly frontends: ReadonlyMap<FrontendKey, ListedFrontend>;
  /**
   * False where a rule of these chains takes packets without naming one frontend, which kube-proxy never writes: it could
   * not be read, or someone widened it. Others may then be served than are listed.
   */
  readonly complete: boolean;
}

/** All frontends of one family's tables. */
export function listFrontends(tables: RuleTables): Listing {
  const frontends = new Map<FrontendKey, ListedFrontend>();
  let complete = true;
  for (const { table: name, chain: chainName, toNode } of dispatchers) {
    const table = tables.tables.get(name);
    const chain = table?.table.findChain(chainName) ?? -1;
    if (table === undefined || chain < 0) continue;
    for (let rule = table.firstRule(chain); rule < table.endOfRules(chain); rule++) {
      const frontend = frontendOf(table, rule, toNode);
      if (frontend === null) {
        complete &&= !mayTake(table, rule);
        continue;
      }
      const key = frontendKey(frontend);
      if (!frontends.has(key)) frontends.set(key, { frontend, table, rule });
    }
  }
  return { frontends, complete };
}

/** The frontends that one chain names, a dispatch chain of kube-proxy's; none where it has no such chain. */
export function frontendsIn(
  tables: RuleTables,
  { table: name, to }: { readonly table: string; readonly to: string },
): ReadonlyMap<FrontendKey, ListedFrontend> {
  const frontends = new Map<FrontendKey, ListedFrontend>();
  const dispatcher = dispatchers.find((one) => one.table === name && one.chain === to);
  const table = tables.tables.get(name);
  const chain = table?.table.findChain(to) ?? -1;
  if (dispatcher === undefined || table === undefined || chain < 0) return frontends;
  for (let rule = table.firstRule(chain); rule < table.endOfRules(chain); rule++) {
    const frontend = frontendOf(table, rule, dispatcher.toNode);
    if (frontend !== null) frontends.set(frontendKey(frontend), { frontend, table, rule });
  }
  return frontends;
}

function frontendOf(table: WalkedTable, rule: number, toNode: boolean): Frontend | null {
  const protocol = protocolOf(table.protocol(rule));
  const port = table.singlePort(rule);
  if (protocol === null || port === null || port === 0) return null;
  const host: Address | null = table.hostDestination(rule);
  if (host !== null) return { family: table.family, protocol, address: host, port };
  const asksDestination = table.plan(rule).conditions.some((condition) => condition.kind === 'destination');
  return toNode && !asksDestination ? { family: table.family, protocol, address: 'node', port } : null;
}

/** Whether a rule that names no frontend may decide what becomes of some frontend's packets. */
function mayTake(table: WalkedTable, rule: number): boolean {
  const { action, conditions } = table.plan(rule);
  if (action.kind === 'pass' || action.kind === 'return' || action.kind === 'mark') return false;
  const asked = table.protocol(rule);
  if (asked !== null && asked !== 'all' && protocolOf(asked) === null) return false;
  if (conditions.some((condition) => condition.kind === 'never')) return false;
  if (action.kind !== 'jump') return true;
  if (table.jumpTarget(rule) === 'KUBE-NODEPORTS' || table.isIdle(table.operandId(rule, action.operand))) return false;
  // kube-proxy counts what comes to node ports over loopback by a rule of its own.
  return !conditions.some(
    (condition) => condition.kind === 'destination' && table.operandText(rule, condition.prefix).startsWith('127.'),
  );
}

function protocolOf(text: string | null): Protocol | null {
  return text === 'tcp' || text === 'udp' || text === 'sctp' ? text : null;
}
