/** Who takes connections to one port of a Service, by its EndpointSlices, whatever node asks. */
import type { Address, Family } from '../../proto/address.ts';
import type { EndpointSlice, ServicePort } from '../model/cluster.ts';

export interface PortEndpoint {
  readonly family: Family;
  readonly address: Address;
  /** Its own port, not the Service's. */
  readonly port: number;
  readonly nodeName: string | null;
}

/**
 * The ready endpoints of each family; where none of it is ready, those that still serve while they end, as kube-proxy does
 * (KEP-1669). Each address and port once, in the order of the slices.
 */
export function endpointsOfPort(
  slices: readonly EndpointSlice[],
  { name, protocol }: Pick<ServicePort, 'name' | 'protocol'>,
): readonly PortEndpoint[] {
  const all = slices.flatMap(({ family, ports, endpoints }) => {
    const own = ports.find((one) => one.name === name && one.protocol === protocol);
    if (own === undefined) return [];
    return endpoints.map((endpoint) => ({ endpoint, told: { ...addressed(endpoint), family, port: own.port } }));
  });
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const ofFamily = all.filter(({ told }) => told.family === family);
    const ready = ofFamily.filter(({ endpoint }) => endpoint.ready);
    const used = ready.length > 0 ? ready : ofFamily.filter(({ endpoint }) => endpoint.serving && endpoint.terminating);
    return [...new Map(used.map(({ told }) => [`${told.address} ${told.port}`, told])).values()];
  });
}

function addressed({ address, nodeName }: Pick<PortEndpoint, 'address' | 'nodeName'>) {
  return { address, nodeName };
}
