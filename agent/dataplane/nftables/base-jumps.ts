/**
 * The jumps from base chains to the chains of kube-proxy's skeleton, which a full sync writes and nobody reads back.
 *
 *     prerouting, output     firewall-check (before nat), services (nat)
 *     input                  nodeport-endpoints-check, service-endpoints-check
 *     forward                service-endpoints-check, cluster-ips-check
 *     output                 service-endpoints-check, cluster-ips-check
 *     postrouting            masquerading (nat)
 *
 * The names of base chains differ between releases, and the first ones had one endpoints-check.
 */
import type { BaseJump } from '../../../proto/parts.ts';
import { type HookName, hookedChains } from './hooks.ts';
import type { ChainPlans } from './plans.ts';
import type { Rule } from './rule.ts';
import { type NftChain, tableName } from './table.ts';

interface WantedJump {
  readonly to: string;
  readonly hook: HookName;
  readonly type: 'nat' | 'filter';
  /** Of every kube-proxy; others are wanted where their chain is there. */
  readonly required: boolean;
  /** Names of the base chain, newer ones first. */
  readonly from: readonly string[];
}

const skeleton: readonly WantedJump[] = [
  { to: 'services', hook: 'prerouting', type: 'nat', required: true, from: ['nat-prerouting'] },
  { to: 'services', hook: 'output', type: 'nat', required: true, from: ['nat-output'] },
  { to: 'masquerading', hook: 'postrouting', type: 'nat', required: true, from: ['nat-postrouting'] },
  check('firewall-check', 'prerouting', ['filter-prerouting-pre-dnat', 'filter-prerouting']),
  check('firewall-check', 'output', ['filter-output-pre-dnat', 'filter-output']),
  check('endpoints-check', 'input', ['filter-input']),
  check('endpoints-check', 'forward', ['filter-forward']),
  check('endpoints-check', 'output', ['filter-output']),
  check('nodeport-endpoints-check', 'input', ['filter-input']),
  check('service-endpoints-check', 'input', ['filter-input']),
  check('service-endpoints-check', 'forward', ['filter-forward']),
  check('service-endpoints-check', 'output', ['filter-output']),
  check('cluster-ips-check', 'forward', ['filter-forward']),
  check('cluster-ips-check', 'output', ['filter-output-post-dnat', 'filter-output']),
];

function check(to: string, hook: HookName, from: readonly string[]): WantedJump {
  return { to, hook, type: 'filter', required: false, from };
}

/** The jumps that are missing, in the order of the skeleton. */
export function missingBaseJumps(plans: ChainPlans): readonly BaseJump[] {
  const { table } = plans;
  const missing: BaseJump[] = [];
  for (const { to, hook, type, required, from } of skeleton) {
    if (!required && (table.chains.get(to)?.ruleCount ?? 0) === 0) continue;
    const hooked = hookedChains(table, hook).filter(({ base }) => base?.type === type);
    if (hooked.some((chain) => leadsTo(plans, chain, to))) continue;
    const named = from.find((name) => hooked.some((chain) => chain.name === name)) ?? from[0] ?? '';
    missing.push({ table: tableName(table), from: named, to });
  }
  return missing;
}

/** Whether every new connection that comes through a base chain is sent to another chain, directly. */
function leadsTo(plans: ChainPlans, chain: NftChain, to: string): boolean {
  return (plans.rules(chain.name) ?? []).some((rule) => targetOfAll(rule) === to);
}

/** The chain that a rule without any match leads to; `ct state new` is none, since only new connections count. */
function targetOfAll({ steps }: Rule): string | null {
  const [only, more] = steps;
  if (only?.kind !== 'verdict' || more !== undefined || !('chain' in only.verdict)) return null;
  return only.verdict.chain;
}
