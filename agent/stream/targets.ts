/**
 * Which probe targets an agent would ever dial. The aggregator names them; the ranges come from the agent's own
 * configuration, so that whoever holds the aggregator cannot make agents scan what is not pods.
 */
import { type Address, parseAddress, type Prefix } from '../../proto/address.ts';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { contains, parsePrefix, prefixSet } from '../../proto/prefixes.ts';
import { quoted } from '../../proto/wire/decoded.ts';

export interface TargetRules {
  /** Where pods are; none: no target is accepted. */
  readonly podRanges: readonly Prefix[];
  /** Every address of the node itself. */
  readonly ownAddresses: readonly Address[];
}

/** Never pods, whatever the ranges say. */
const forbidden: readonly { readonly what: string; readonly prefixes: readonly string[] }[] = [
  { what: 'unspecified or this network', prefixes: ['0.0.0.0/8', '::/128'] },
  { what: 'loopback', prefixes: ['127.0.0.0/8', '::1/128'] },
  { what: 'link-local', prefixes: ['169.254.0.0/16', 'fe80::/10'] },
  { what: 'multicast or broadcast', prefixes: ['224.0.0.0/4', '255.255.255.255/32', 'ff00::/8'] },
];

const forbiddenSets = forbidden.map(({ what, prefixes }) => ({
  what,
  set: prefixSet(prefixes.map(parsePrefix).filter((prefix) => prefix !== null)),
}));

/** Why a target is refused, in words; null when it is accepted. */
export function targetRefusal({ address: text, port, protocol }: wire.Target, rules: TargetRules): string | null {
  const address = parseAddress(text);
  // Another spelling of an address may be another address to whoever dials it.
  if (address === null || address !== text) return `no canonical address: ${quoted(text)}`;
  if (port < 1 || port > 65_535) return `no port: ${port}`;
  if (protocol !== 'tcp' && protocol !== 'udp') return `no protocol to probe: ${quoted(protocol)}`;
  const bad = forbiddenSets.find(({ set }) => contains(set, address));
  if (bad !== undefined) return `${address} is ${bad.what}`;
  if (rules.ownAddresses.includes(address)) return `${address} is the node's own`;
  return contains(prefixSet(rules.podRanges), address) ? null : `${address} is in no pod range`;
}
