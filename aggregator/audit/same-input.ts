/**
 * What of a Service and its slices decides what nodes must do. Much else in them changes often, annotations above all,
 * and must neither look like a change nor be kept twice.
 */
import type { Endpoint, EndpointSlice, Service } from '../model/cluster.ts';

/** Whether two versions of a Service ask the same of every node, given the same slices. */
export function isSameService(a: Service, b: Service): boolean {
  return a === b || serviceText(a) === serviceText(b);
}

/**
 * The newer slices, with every piece that did not change taken from the older ones, which the history holds already.
 * @returns the very older list when nothing changed that counts.
 */
export function withShared(older: readonly EndpointSlice[], newer: readonly EndpointSlice[]): readonly EndpointSlice[] {
  const byName = new Map(older.map((slice) => [slice.name, slice]));
  const shared = newer.map((slice) => {
    const known = byName.get(slice.name);
    return known === undefined ? slice : sharedSlice(known, slice);
  });
  const known = new Set(older);
  return older.length === shared.length && shared.every((slice) => known.has(slice)) ? older : shared;
}

function serviceText(service: Service): string {
  const { type, ports, clusterIPs, externalIPs, loadBalancerIngress, loadBalancerSourceRanges } = service;
  return JSON.stringify([
    type,
    ports.map(({ name, protocol, port, nodePort }) => [name, protocol, port, nodePort]),
    [clusterIPs.ipv4, clusterIPs.ipv6],
    externalIPs,
    loadBalancerIngress.map(({ address, ipMode }) => [address, ipMode]),
    loadBalancerSourceRanges,
    [service.internalTrafficPolicy, service.externalTrafficPolicy],
    [service.affinitySeconds, service.otherProxy],
  ]);
}

function sharedSlice(older: EndpointSlice, newer: EndpointSlice): EndpointSlice {
  if (older === newer) return older;
  const byAddress = new Map(older.endpoints.map((endpoint) => [endpoint.address, endpoint]));
  const endpoints = newer.endpoints.map((endpoint) => {
    const known = byAddress.get(endpoint.address);
    return known !== undefined && isSameEndpoint(known, endpoint) ? known : endpoint;
  });
  const isSame =
    older.family === newer.family &&
    JSON.stringify(older.ports) === JSON.stringify(newer.ports) &&
    isSameList(older.endpoints, endpoints);
  return isSame ? older : { ...newer, endpoints };
}

function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    isSameList(a.zoneHints, b.zoneHints) &&
    isSameList(a.nodeHints, b.nodeHints)
  );
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
