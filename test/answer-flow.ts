/**
 * Answers "what becomes of this packet" from a forwarding table alone, in the words of kube-proxy's own unit tests, so
 * that a desired and an observed table can both be held against kube-proxy's answer.
 */
import { type Address, type Backend, familyOf, type Prefix, parseHostPort } from '../proto/address.ts';
import { frontendKey } from '../proto/canonical.ts';
import type { Dress, Entry, Fate, ForwardingTable, Masquerade, Origin, Protocol } from '../proto/forwarding.ts';
import { contains, prefixSet } from '../proto/prefixes.ts';
import { type NodeProfile, valueOr } from '../proto/profile.ts';

export interface Flow {
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface FlowAnswer {
  /** Where it may be sent, sorted; or `REJECT`, `DROP`, `NONE` (nothing takes it), `UNKNOWN (reason)`. */
  readonly output: readonly string[];
  readonly masquerade: boolean;
}

/** What nftables mode refuses though no Service asks for it, and no table has: strays within the Services' addresses. */
export interface RefusedStrays {
  /** Cluster IPs: a port of theirs that is no Service's is rejected. */
  readonly rejected: readonly Address[];
  /** Ranges of cluster IPs: what nobody has of them is dropped. */
  readonly dropped: readonly Prefix[];
}

const noStrays: RefusedStrays = { rejected: [], dropped: [] };

/** What the table does with a packet. */
export function answerFlow(
  table: ForwardingTable,
  profile: NodeProfile,
  flow: Flow,
  strays: RefusedStrays = noStrays,
): FlowAnswer {
  const entry = entryFor(table, profile, flow);
  if (entry === undefined) {
    if (strays.rejected.includes(flow.to)) return answer('REJECT');
    return answer(contains(prefixSet(strays.dropped), flow.to) ? 'DROP' : 'NONE');
  }
  return answerOf(entry.forwarding[originOf(profile, flow)], flow.from);
}

/** The exact address first: only what no Service's own address takes comes to the node ports. */
function entryFor(table: ForwardingTable, profile: NodeProfile, { to, port, protocol }: Flow): Entry | undefined {
  const family = familyOf(to);
  const exact = table.get(frontendKey({ family, protocol, address: to, port }));
  if (exact !== undefined || !answersNodePorts(profile, to)) return exact;
  return table.get(frontendKey({ family, protocol, address: 'node', port }));
}

function answersNodePorts(profile: NodeProfile, to: Address): boolean {
  if (isLoopback(to) && (familyOf(to) === 'ipv6' || !valueOr(profile.localhostNodePorts, true))) return false;
  if (!isLocal(profile, to)) return false;
  const chosen = valueOr(profile.nodePortAddresses, 'all');
  if (typeof chosen === 'string') return true;
  const ofFamily = chosen.filter((prefix) => familyOf(prefix) === familyOf(to));
  return ofFamily.length === 0 || contains(prefixSet(ofFamily), to);
}

/** A packet from an address of the node, or from the one it goes to, was made on the node. */
function originOf(profile: NodeProfile, { from, to }: Flow): Origin {
  const detector = valueOr(profile.localDetector[familyOf(from)], { kind: 'none' as const });
  if (detector.kind === 'prefix' && contains(prefixSet([detector.prefix]), from)) return 'pod';
  return isLocal(profile, from) || from === to ? 'node' : 'outside';
}

function isLocal(profile: NodeProfile, address: Address): boolean {
  return isLoopback(address) || valueOr(profile.localAddresses, []).includes(address);
}

function isLoopback(address: Address): boolean {
  return address === '::1' || address.startsWith('127.');
}

function answerOf({ route, dress }: Fate, from: Address): FlowAnswer {
  switch (route.action) {
    case 'none':
    case 'reject':
    case 'drop':
      return answer(route.action.toUpperCase());
    case 'unknown':
      return answer(`UNKNOWN (${route.reason})`);
    case 'forward':
      if (route.sources !== 'any' && !contains(prefixSet(route.sources), from)) {
        return answer(route.otherwise.toUpperCase());
      }
      return {
        output: route.backends,
        masquerade: dress !== null && (isMasqueraded(dress.masquerade, from) || isHairpin(route.backends, dress, from)),
      };
  }
}

/** Whether the packet can only come back to where it started, and is masqueraded for that. */
function isHairpin(backends: readonly Backend[], { hairpin }: Dress, from: Address): boolean {
  const [only, more] = backends;
  return hairpin === 'all' && more === undefined && parseHostPort(only ?? '')?.address === from;
}

function isMasqueraded(masquerade: Masquerade, from: Address): boolean {
  if (typeof masquerade === 'string') return masquerade === 'always';
  return contains(prefixSet(masquerade.some), from);
}

function answer(output: string): FlowAnswer {
  return { output: [output], masquerade: false };
}
