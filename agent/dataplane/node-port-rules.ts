/**
 * What the rules say of nodePorts: the last rules of nat KUBE-SERVICES lead to KUBE-NODEPORTS.
 *
 *     -A KUBE-SERVICES -m comment --comment "..." -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS       all addresses
 *     -A KUBE-SERVICES ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS                 not localhost
 *     -A KUBE-SERVICES -d 192.168.100.11/32 -m comment --comment "..." -j KUBE-NODEPORTS               this address
 */
import type { Match, Ruleset } from 'node-iptables-parse';
import type { Prefix } from '../../proto/address.ts';
import { parsePrefix } from '../../proto/prefixes.ts';

export interface NodePortRules {
  readonly addresses: 'all' | readonly Prefix[];
  /** Whether nodePorts answer on IPv4 loopback addresses. */
  readonly localhost: boolean;
}

/** @returns null when no such rule is there, or none that kube-proxy writes. */
export function nodePortRules(ruleset: Ruleset): NodePortRules | null {
  const nat = ruleset.tables.get('nat');
  const chain = nat?.findChain('KUBE-SERVICES') ?? -1;
  if (nat === undefined || chain < 0) return null;
  const prefixes: Prefix[] = [];
  for (let rule = (nat.ruleStart[chain + 1] ?? 0) - 1; rule >= (nat.ruleStart[chain] ?? 0); rule--) {
    const { matches, target } = nat.rule(rule);
    if (target.kind !== 'jump' || target.chain !== 'KUBE-NODEPORTS') break;
    if (matches.some(isLocalType)) return { addresses: 'all', localhost: !matches.some(leavesLoopbackOut) };
    const destination = matches.find((match) => match.kind === 'destination' && !match.negated);
    const prefix = destination?.kind === 'destination' ? parsePrefix(destination.prefix) : null;
    if (prefix !== null) prefixes.unshift(prefix);
  }
  if (prefixes.length === 0) return null;
  return { addresses: prefixes, localhost: prefixes.some((prefix) => prefix.startsWith('127.')) };
}

function isLocalType(match: Match): boolean {
  if (match.kind !== 'addrtype' || match.destinationType === null) return false;
  return !match.destinationType.negated && match.destinationType.types.includes('LOCAL');
}

function leavesLoopbackOut(match: Match): boolean {
  return match.kind === 'destination' && match.negated && match.prefix === '127.0.0.0/8';
}
