/**
 * Which probe targets an agent would ever send to. The aggregator names them; ranges and port come from the agent's own
 * configuration, so that whoever holds the aggregator cannot make agents scan what is neither pod nor node.
 */
import { type Address, parseAddress } from '../../proto/address.ts';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { contains, parsePrefix, type PrefixSet, prefixSet } from '../../proto/prefixes.ts';
import { quoted } from '../../proto/wire/decoded.ts';

/** One peer at one address, as it may be probed. */
export interface ProbeTarget {
  /** The peer's name: it comes back in the report, and nothing here goes by it. Empty of a Service. */
  readonly node: string;
  readonly address: Address;
  readonly port: number;
  /** Of `udp` other agents answer; `tcp` is a pod or a Service whose owner wants it probed. */
  readonly protocol: 'udp' | 'tcp';
  readonly by: 'overlay' | 'node' | 'pod' | 'service' | 'endpoint';
  /** Of a full IP packet; 0 = only small ones. */
  readonly packetBytes: number;
}

export interface TargetRules {
  /** Where pods and nodes are. */
  readonly ranges: PrefixSet;
  /** Where Services are. */
  readonly serviceRanges: PrefixSet;
  /** Every address of the node itself. */
  readonly ownAddresses: readonly Address[];
  /** The port of agents: UDP goes to no other. */
  readonly port: number;
}

export type CheckedTarget =
  | { readonly ok: true; readonly target: ProbeTarget }
  /** Why it is refused, in words. */
  | { readonly ok: false; readonly reason: string };

/** Never pods or nodes, whatever the ranges say. */
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

/** IPv4 guarantees no less (RFC 791), and an IP packet's length has 16 bits. */
const packetLimits = { least: 576, most: 65_535 };
const nodeName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** What an address is that is never probed; null of others. */
export function forbiddenAs(address: Address): string | null {
  return forbiddenSets.find(({ set }) => contains(set, address))?.what ?? null;
}

/** Holds one target against the agent's own rules. */
export function checkedTarget(asked: wire.Target, rules: TargetRules): CheckedTarget {
  const { address: text, port, protocol, node, by, packetBytes } = asked;
  const address = parseAddress(text);
  // Another spelling of an address may be another address to whoever dials it.
  if (address === null || address !== text) return refused(`no canonical address: ${quoted(text)}`);
  const bad = forbiddenAs(address);
  if (bad !== null) return refused(`${address} is ${bad}`);
  if (rules.ownAddresses.includes(address)) return refused(`${address} is the node's own`);
  const ranges = by === 'service' ? rules.serviceRanges : rules.ranges;
  if (!contains(ranges, address)) return refused(`${address} is in no range that may be probed`);
  if (by === 'service' ? node !== '' : !nodeName.test(node)) {
    return refused(`no name that a Node can have: ${quoted(node)}`);
  }
  switch (protocol) {
    case 'udp':
      if (port !== rules.port) return refused(`UDP port ${port} is not that of agents, ${rules.port}`);
      if (by !== 'overlay' && by !== 'node') return refused(`no way to probe an agent by: ${quoted(by)}`);
      if (packetBytes !== 0 && (packetBytes < packetLimits.least || packetBytes > packetLimits.most)) {
        return refused(`no size of a packet: ${packetBytes}`);
      }
      return { ok: true, target: { node, address, port, protocol, by, packetBytes } };
    case 'tcp':
      if (port < 1 || port > 65_535) return refused(`no port: ${port}`);
      if (by !== 'pod' && by !== 'service' && by !== 'endpoint')
        return refused(`no way to probe a pod by: ${quoted(by)}`);
      if (packetBytes !== 0) return refused('a connection has no size of a packet');
      return { ok: true, target: { node, address, port, protocol, by, packetBytes } };
    default:
      return refused(`no protocol to probe: ${quoted(protocol)}`);
  }
}

function refused(reason: string): CheckedTarget {
  return { ok: false, reason };
}
