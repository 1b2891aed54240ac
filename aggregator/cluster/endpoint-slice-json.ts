/** An EndpointSlice in the API's form, of what endpoint-slice.ts keeps of it. */
import type { Endpoint, EndpointSlice } from '../model/cluster.ts';
import { serviceNameLabel } from './endpoint-slice.ts';
import { type ListKind, type ObjectJson, protocolJson, unlessNull } from './object-json.ts';

export const endpointSliceList: ListKind = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSliceList' };

export function endpointSliceJson({
  namespace,
  name,
  serviceName,
  family,
  ports,
  endpoints,
}: EndpointSlice): ObjectJson {
  return {
    metadata: { namespace, name, labels: { [serviceNameLabel]: serviceName } },
    addressType: family === 'ipv4' ? 'IPv4' : 'IPv6',
    ports: ports.map((port) => ({ ...port, protocol: protocolJson(port.protocol) })),
    endpoints: endpoints.map(endpointJson),
  };
}

function endpointJson(endpoint: Endpoint): ObjectJson {
  const { address, nodeName, ready, serving, terminating, zoneHints, nodeHints } = endpoint;
  const hints = { forZones: namesJson(zoneHints), forNodes: namesJson(nodeHints) };
  return {
    addresses: [address],
    nodeName: unlessNull(nodeName),
    conditions: { ready, serving, terminating },
    hints: zoneHints.length + nodeHints.length === 0 ? undefined : hints,
  };
}

function namesJson(names: readonly string[]): readonly ObjectJson[] | undefined {
  return names.length === 0 ? undefined : names.map((name) => ({ name }));
}
