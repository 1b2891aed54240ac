/** What becomes of packets to one address of a service port, in kube-proxy's iptables mode; desired.ts draws their path. */
import type { Address, Backend } from '../../proto/address.ts';
import type { Dress, Fate, Forwarding, Route, UnknownReason } from '../../proto/forwarding.ts';
import type { OriginSources } from '../../proto/origin-sources.ts';
import type { PrefixSet } from '../../proto/prefixes.ts';
import { equals, intersect, isEmpty, toPrefixes } from '../../proto/prefixes.ts';
import type { ChosenEndpoints, EndpointUse } from './endpoints.ts';
import type { NodeFacts } from './node-facts.ts';

/** One service port on one node. */
export interface PortOnNode {
  readonly chosen: ChosenEndpoints;
  readonly use: EndpointUse;
  /** 0 = none. */
  readonly affinitySeconds: number;
  readonly facts: NodeFacts;
}

const notMasqueraded: Dress = Object.freeze({ shares: 'even', masquerade: 'never', hairpin: 'all' });
const masqueraded: Dress = Object.freeze({ shares: 'even', masquerade: 'always', hairpin: 'all' });

const none = fate({ action: 'none' });
const rejected = fate({ action: 'reject' });
const dropped = fate({ action: 'drop' });

const rejectedEverywhere = everyOrigin(rejected);
const droppedEverywhere = everyOrigin(dropped);

/** What is said of every origin when a frontend's fate cannot be worked out. */
export function unknownForwarding(reason: UnknownReason): Forwarding {
  return everyOrigin(unknownFate(reason));
}

/** Packets to the cluster IP: KUBE-SVC or KUBE-SVL, or the filter table's KUBE-SERVICES, which FORWARD and OUTPUT pass. */
export function internalForwarding({ chosen, use, affinitySeconds, facts }: PortOnNode): Forwarding {
  if (!chosen.hasInternal) return chosen.hasAny ? droppedEverywhere : rejectedEverywhere;
  const route = forward(use.internalLocal ? chosen.local : chosen.cluster, affinitySeconds);
  if (facts.masqueradeAll) return everyOrigin(fate(route, masqueraded));
  const unmarked = fate(route, notMasqueraded);
  if (facts.localDetector.kind === 'none') return everyOrigin(unmarked);
  // Packets made by the node come in by no interface and from no pod's address: to the detector they are not local.
  const marked = fate(route, masqueraded);
  return Object.freeze({ pod: unmarked, node: marked, outside: marked });
}

/**
 * Packets to an address from outside, source ranges apart: KUBE-EXT, or the filter table's KUBE-EXTERNAL-SERVICES.
 * @param isOwn whether the address is the node's own; null when unknown.
 */
export function externalForwarding(port: PortOnNode, isOwn: boolean | null): Forwarding {
  const { chosen, use, affinitySeconds, facts } = port;
  if (!chosen.hasAny) return rejectedFromOutside(isOwn);
  const marked = fate(forward(chosen.cluster, affinitySeconds), masqueraded);
  if (!use.externalLocal) return everyOrigin(marked);
  const outside = chosen.hasExternal ? fate(forward(chosen.local, affinitySeconds), notMasqueraded) : dropped;
  // Pods and the node itself are short-circuited to all endpoints; without a detector kube-proxy knows no pods.
  const pod = facts.localDetector.kind === 'none' ? outside : fate(marked.route, notMasqueraded);
  return Object.freeze({ pod, node: marked, outside });
}

/**
 * KUBE-EXTERNAL-SERVICES hangs on INPUT and FORWARD only: packets that the node makes meet it when they come back in
 * over loopback, because the address is the node's own, and else leave untouched.
 */
function rejectedFromOutside(isOwn: boolean | null): Forwarding {
  if (isOwn === true) return rejectedEverywhere;
  const node = isOwn === false ? none : unknownFate('node-addresses-unknown');
  return Object.freeze({ pod: rejected, node, outside: rejected });
}

/**
 * KUBE-FW lets only these sources on to KUBE-EXT; KUBE-PROXY-FIREWALL drops the rest, on INPUT, OUTPUT and FORWARD.
 * @param sources all sources of each origin; null when unknown.
 */
export function withinRanges(forwarding: Forwarding, ranges: PrefixSet, sources: OriginSources | null): Forwarding {
  if (sources === null) return unknownForwarding('node-addresses-unknown');
  return Object.freeze({
    pod: fateWithinRanges(forwarding.pod, ranges, sources.pod),
    node: fateWithinRanges(forwarding.node, ranges, sources.node),
    outside: fateWithinRanges(forwarding.outside, ranges, sources.outside),
  });
}

function fateWithinRanges(whole: Fate, ranges: PrefixSet, universe: PrefixSet): Fate {
  const { route, dress } = whole;
  if (route.action !== 'forward') return whole;
  const allowed = intersect(ranges, universe);
  if (isEmpty(allowed)) return dropped;
  if (equals(allowed, universe)) return whole;
  return fate(Object.freeze({ ...route, sources: toPrefixes(allowed), otherwise: 'drop' }), dress);
}

/** Whether the address is one of the node's own; null when unknown. */
export function isOwnAddress({ localAddresses }: NodeFacts, address: Address | 'node'): boolean | null {
  if (address === 'node') return true;
  return localAddresses === null ? null : localAddresses.has(address);
}

function forward(backends: readonly Backend[], affinitySeconds: number): Route {
  return Object.freeze({ action: 'forward', backends, affinitySeconds, sources: 'any', otherwise: 'drop' });
}

function fate(route: Route, dress: Dress | null = null): Fate {
  return Object.freeze({ route, dress });
}

function unknownFate(reason: UnknownReason): Fate {
  return fate({ action: 'unknown', reason });
}

function everyOrigin(one: Fate): Forwarding {
  return Object.freeze({ pod: one, node: one, outside: one });
}
