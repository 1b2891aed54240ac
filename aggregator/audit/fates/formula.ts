/** What the formulas of all modes are made of: what becomes of packets to one address of a service port on one node. */
import type { Address, Backend } from '../../../proto/address.ts';
import type { Dress, Fate, Forwarding, Masquerade, Route, UnknownReason } from '../../../proto/forwarding.ts';
import { type OriginSources, originSources } from '../../../proto/origin-sources.ts';
import type { PrefixSet } from '../../../proto/prefixes.ts';
import { equals, intersect, isEmpty, toPrefixes } from '../../../proto/prefixes.ts';
import type { ChosenEndpoints, EndpointUse } from '../endpoints.ts';
import type { NodeFacts } from '../node-facts.ts';

/** One service port on one node. */
export interface PortOnNode {
  readonly chosen: ChosenEndpoints;
  readonly use: EndpointUse;
  /** 0 = none. */
  readonly affinitySeconds: number;
  readonly facts: NodeFacts;
  /** The endpoints on this node; null where it does not matter which those are. */
  readonly own: ReadonlySet<Backend> | null;
}

/** What one mode of kube-proxy does. */
export interface ModeFormula {
  /** Whether a load-balancer address's source ranges bind where it is an external IP of the Service too. */
  readonly limitsExternalIPs: boolean;
  clusterIP(port: PortOnNode, address: Address): Forwarding;
  /** An external IP, or a load-balancer address that is open to all. */
  external(port: PortOnNode, address: Address): Forwarding;
  /** Any address of the node that answers node ports. */
  nodePort(port: PortOnNode): Forwarding;
  /** A load-balancer address. @param ranges the sources that it is open to. */
  limited(port: PortOnNode, address: Address, ranges: SourceRanges): Forwarding;
}

/** loadBalancerSourceRanges of one family. */
export interface SourceRanges {
  /** As the Service has them; the load-balancer addresses too, where one of the ranges holds the node. */
  readonly allowed: PrefixSet;
  /** Whether one of the ranges holds the address that kube-proxy takes for the node's own. */
  readonly holdNode: boolean;
}

export const none = fate({ action: 'none' });
export const rejected = fate({ action: 'reject' });
export const dropped = fate({ action: 'drop' });

export const rejectedEverywhere = everyOrigin(rejected);
export const droppedEverywhere = everyOrigin(dropped);

/** What is said of every origin when a frontend's fate cannot be worked out. */
export function unknownForwarding(reason: UnknownReason): Forwarding {
  return everyOrigin(unknownFate(reason));
}

export function unknownFate(reason: UnknownReason): Fate {
  return fate({ action: 'unknown', reason });
}

export function everyOrigin(one: Fate): Forwarding {
  return Object.freeze({ pod: one, node: one, outside: one });
}

/** Forwards to these backends. @param backends never empty. */
export function forwarded(backends: readonly Backend[], port: PortOnNode, masquerade: Masquerade): Fate {
  return fate(forward(backends, port), dressed(backends, port, masquerade));
}

function forward(backends: readonly Backend[], { affinitySeconds }: PortOnNode): Route {
  return Object.freeze({ action: 'forward', backends, affinitySeconds, sources: 'any', otherwise: 'drop' });
}

function fate(route: Route, dress: Dress | null = null): Fate {
  return Object.freeze({ route, dress });
}

/** Few dresses serve all entries: thousands of equal objects would be in memory otherwise. */
const commonDresses = { always: dressesOf('always'), never: dressesOf('never') } as const;

function dressesOf(masquerade: 'always' | 'never'): { readonly [hairpin in Dress['hairpin']]: Dress } {
  const dress = (hairpin: Dress['hairpin']): Dress => Object.freeze({ shares: 'even', masquerade, hairpin });
  return { all: dress('all'), some: dress('some'), none: dress('none') };
}

function dressed(backends: readonly Backend[], { own }: PortOnNode, masquerade: Masquerade): Dress {
  const hairpin = masquerade === 'always' || own === null ? 'all' : listed(backends, own);
  const isCommon = masquerade === 'always' || masquerade === 'never';
  return isCommon ? commonDresses[masquerade][hairpin] : Object.freeze({ shares: 'even', masquerade, hairpin });
}

/** Where only endpoints on the node are masqueraded when they reach themselves: how many of the backends those are. */
function listed(backends: readonly Backend[], own: ReadonlySet<Backend>): Dress['hairpin'] {
  const count = backends.filter((backend) => own.has(backend)).length;
  return count === 0 ? 'none' : count === backends.length ? 'all' : 'some';
}

/** Whether the address is one of the node's own; null when unknown. */
export function isOwnAddress({ localAddresses }: NodeFacts, address: Address): boolean | null {
  return localAddresses === null ? null : localAddresses.has(address);
}

/** All sources of each origin; null when the node's addresses are unknown. */
export function sourcesTo(
  address: Address,
  { family, localDetector, localAddresses }: NodeFacts,
): OriginSources | null {
  if (localAddresses === null) return null;
  return originSources({ family, localDetector, localAddresses: [...localAddresses] }, address);
}

/** A fate for some sources of an origin, the others dropped: where some are rejected, all count as rejected. */
export function limitedTo(whole: Fate, allowed: PrefixSet, universe: PrefixSet): Fate {
  const { route, dress } = whole;
  const passing = intersect(allowed, universe);
  if (isEmpty(passing)) return dropped;
  if (route.action !== 'forward' || equals(passing, universe)) return whole;
  return fate(Object.freeze({ ...route, sources: toPrefixes(passing), otherwise: 'drop' }), dress);
}

/** The same for packets of each origin. @param sources all sources of each. */
export function limitedForwarding(open: Forwarding, allowed: PrefixSet, sources: OriginSources): Forwarding {
  return Object.freeze({
    pod: limitedTo(open.pod, allowed, sources.pod),
    node: limitedTo(open.node, allowed, sources.node),
    outside: limitedTo(open.outside, allowed, sources.outside),
  });
}
