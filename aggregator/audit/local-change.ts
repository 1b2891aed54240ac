/**
 * Which nodes may notice that endpoints changed, where each node uses its own endpoints only. A node agent's Service has
 * an endpoint on each of thousands of nodes, and thousands of states in an hour, of which each node notices two.
 */
import type { Endpoint, EndpointSlice, Service } from '../model/cluster.ts';
import { chooseEndpoints } from './endpoints.ts';
import type { ServedPort } from './service-ports.ts';
import { useOf } from './wishes.ts';

const anyPlace = { nodeName: '', zone: null, nodeHints: false };

/**
 * What a node without endpoints notices of a Service of which every node uses its own endpoints only: for each port,
 * whether there are any at all. Null for every other Service.
 */
export function reachOf(service: Service, served: readonly ServedPort[]): string | null {
  const reach: string[] = [];
  for (const { port, clusterIP, endpoints } of served) {
    const use = useOf(service, port, clusterIP.includes(':') ? 'ipv6' : 'ipv4');
    if (!use.internalLocal || use.external) return null;
    reach.push(chooseEndpoints(endpoints, use, anyPlace).hasAny ? 'some' : 'none');
  }
  return reach.join(' ');
}

/**
 * The nodes whose own endpoints are not the same in both.
 * @param older and newer, with what did not change shared between them, see withShared.
 */
export function nodesOfChanges(older: readonly EndpointSlice[], newer: readonly EndpointSlice[]): ReadonlySet<string> {
  const before = endpointsByPorts(older);
  const after = endpointsByPorts(newer);
  const changed = new Set<string>();
  for (const [endpoint, ports] of before) if (after.get(endpoint) !== ports) changed.add(endpoint.address);
  for (const [endpoint, ports] of after) if (before.get(endpoint) !== ports) changed.add(endpoint.address);
  const nodes = new Set<string>();
  // One address may be an endpoint twice, said to be on two nodes: then one of them stands for both.
  for (const { address, nodeName } of [...before.keys(), ...after.keys()]) {
    if (nodeName !== null && changed.has(address)) nodes.add(nodeName);
  }
  return nodes;
}

/** Every endpoint object with what its slices say of ports. */
function endpointsByPorts(slices: readonly EndpointSlice[]): ReadonlyMap<Endpoint, string> {
  const found = new Map<Endpoint, string>();
  for (const { name, family, ports, endpoints } of slices) {
    const text = JSON.stringify([name, family, ports]);
    for (const endpoint of endpoints) found.set(endpoint, (found.get(endpoint) ?? '') + text);
  }
  return found;
}
