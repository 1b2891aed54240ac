/**
 * Which Services ask different things of nodes of one class, and of which nodes the same. On the safe side: two nodes
 * that are told apart may still be asked the same, never the other way round.
 */
import type { Address, Family } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import type { Service } from '../model/cluster.ts';
import type { ServedPort } from './service-ports.ts';
import type { FamilyStanding } from './standing.ts';
import { noSources } from './standing.ts';
import { externalIPs, loadBalancerIPs, useOf } from './wishes.ts';

/** What of a node a Service heeds in one family, beyond the node's class. The sets grow, see dependenceOf. */
export interface Dependence {
  /** The nodes that have an endpoint, where a policy is Local. */
  readonly localNodes: Set<string>;
  /** The zones and nodes that a hint names. */
  readonly hintedZones: Set<string>;
  readonly hintedNodes: Set<string>;
  /** Addresses that may be a node's own. */
  readonly addresses: readonly Address[];
  /** Source ranges are held against the node's addresses and its pods' sources. */
  readonly ranges: boolean;
}

/**
 * @param served the Service's ports, see servedPortsOf; never empty.
 * @param before of the state before, where the Service itself has not changed: the nodes and zones of several states
 *   are kept once, together, and grow; that tells more nodes apart than must be.
 * @returns null where every node of a class is asked the same.
 */
export function dependenceOf(
  service: Service,
  served: readonly ServedPort[],
  before: Dependence | null,
): Dependence | null {
  const { localNodes, hintedZones, hintedNodes, family } = endpointPlaces(service, served);
  const balanced = loadBalancerIPs(service, family);
  const addresses = [...externalIPs(service, family), ...balanced];
  const ranges = balanced.length > 0 && service.loadBalancerSourceRanges.some((range) => familyOf(range) === family);
  const isAlike = localNodes.size + hintedZones.size + hintedNodes.size + addresses.length === 0;
  if (isAlike && before === null) return null;
  return {
    localNodes: grown(before?.localNodes, localNodes),
    hintedZones: grown(before?.hintedZones, hintedZones),
    hintedNodes: grown(before?.hintedNodes, hintedNodes),
    addresses,
    ranges,
  };
}

function endpointPlaces(service: Service, served: readonly ServedPort[]) {
  const localNodes = new Set<string>();
  const hintedZones = new Set<string>();
  const hintedNodes = new Set<string>();
  let family: Family = 'ipv4';
  for (const { port, clusterIP, endpoints } of served) {
    family = familyOf(clusterIP);
    const { internalLocal, externalLocal, external } = useOf(service, port, family);
    const isLocal = internalLocal || (externalLocal && external);
    for (const { endpoint } of endpoints) {
      if (isLocal && endpoint.nodeName !== null) localNodes.add(endpoint.nodeName);
      for (const zone of endpoint.zoneHints) hintedZones.add(zone);
      for (const node of endpoint.nodeHints) hintedNodes.add(node);
    }
  }
  return { localNodes, hintedZones, hintedNodes, family };
}

/** The shared set with these names added; these alone when most of the shared ones are long gone. */
function grown(shared: Set<string> | undefined, names: Set<string>): Set<string> {
  if (shared === undefined) return names;
  for (const name of names) shared.add(name);
  return shared.size > 2 * names.size + 64 ? names : shared;
}

/**
 * What a Service heeds of this node, as text: nodes of one class with equal texts are asked the same. Empty: it asks of
 * the node what it asks of one that is nowhere.
 */
export function traitOf(dependence: Dependence, { place, facts, sources }: FamilyStanding): string {
  const traits: (readonly string[])[] = [];
  const { nodeName, nodeHints } = place;
  const zone = place.zone ?? '';
  if (dependence.localNodes.has(nodeName)) traits.push(['at', nodeName]);
  if (nodeHints && dependence.hintedNodes.has(nodeName)) traits.push(['hinted', nodeName]);
  if (dependence.hintedZones.has(zone)) traits.push(['zone', zone]);
  if (dependence.ranges && sources !== noSources) traits.push(['sources', sources]);
  const own = facts.localAddresses;
  if (own === null && dependence.addresses.length > 0) traits.push(['own?']);
  const bound = dependence.addresses.filter((address) => own?.has(address));
  if (bound.length > 0) traits.push(['own', ...bound]);
  return traits.length === 0 ? '' : JSON.stringify(traits);
}
