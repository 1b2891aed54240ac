/** The Services that ask for frontends of which more than one does. */
import { type Backend, backendOf, type Family, familyOf } from '../../../proto/address.ts';
import { frontendKey } from '../../../proto/canonical.ts';
import type { Frontend, FrontendKey } from '../../../proto/forwarding.ts';
import type { ClusterObjects, Service, ServicePort } from '../../model/cluster.ts';

/** All that ask for one frontend, together. */
export interface Claimants {
  /** `namespace/name`, in the order of the API. */
  readonly names: readonly string[];
  /** Every endpoint of any of them, whatever its condition: a node may be a little behind. */
  readonly listed: ReadonlySet<Backend>;
  /** Whichever of them a node serves, it must forward all packets. */
  readonly mustForward: boolean;
}

/**
 * @returns nothing of a frontend that no Service asks for. Costs a walk over all Services, unless nothing is asked.
 */
export function claimantsOf(
  objects: ClusterObjects,
  asked: Iterable<Pick<Frontend, 'address' | 'port'>>,
): ReadonlyMap<FrontendKey, Claimants> {
  const found = new Map<FrontendKey, Claimants>();
  const places = new Set<string>();
  const addresses = new Set<Frontend['address']>();
  for (const frontend of asked) {
    places.add(placeOf(frontend));
    addresses.add(frontend.address);
  }
  if (places.size === 0) return found;
  for (const service of objects.services()) {
    if (service.type === 'ExternalName' || service.otherProxy || !mayAsk(service, addresses)) continue;
    for (const port of service.ports) {
      for (const frontend of frontendsOf(service, port)) {
        if (!places.has(placeOf(frontend))) continue;
        const key = frontendKey(frontend);
        found.set(key, together(found.get(key), claim(objects, service, { port, family: frontend.family })));
      }
    }
  }
  return found;
}

/** Whether any address of the Service is among these: most Services have none, and are not looked at further. */
function mayAsk(service: Service, addresses: ReadonlySet<Frontend['address']>): boolean {
  const { clusterIPs, externalIPs, loadBalancerIngress, ports } = service;
  if (clusterIPs.ipv4 !== undefined && addresses.has(clusterIPs.ipv4)) return true;
  if (clusterIPs.ipv6 !== undefined && addresses.has(clusterIPs.ipv6)) return true;
  if (externalIPs.some((address) => addresses.has(address))) return true;
  if (loadBalancerIngress.some(({ address }) => addresses.has(address))) return true;
  return addresses.has('node') && ports.some(({ nodePort }) => nodePort !== 0);
}

function placeOf({ address, port }: Pick<Frontend, 'address' | 'port'>): string {
  return `${address} ${port}`;
}

/** The frontends of one port, in the families in which the Service is served. */
function frontendsOf(service: Service, { protocol, port, nodePort }: ServicePort): readonly Frontend[] {
  const { clusterIPs, externalIPs, loadBalancerIngress } = service;
  const ingress = loadBalancerIngress.flatMap(({ address, ipMode }) => (ipMode === 'VIP' ? [address] : []));
  const own = Object.values(clusterIPs);
  const frontends = [...own, ...externalIPs, ...ingress].flatMap((address): readonly Frontend[] => {
    const family = familyOf(address);
    return clusterIPs[family] === undefined ? [] : [{ family, protocol, address, port }];
  });
  if (nodePort === 0) return frontends;
  const nodes = own.map(
    (address): Frontend => ({ family: familyOf(address), protocol, address: 'node', port: nodePort }),
  );
  return [...frontends, ...nodes];
}

function claim(
  objects: ClusterObjects,
  service: Service,
  { port, family }: { readonly port: ServicePort; readonly family: Family },
): Claimants {
  const listed = new Set<Backend>();
  let hasReady = false;
  for (const slice of objects.endpointSlices(service.namespace, service.name)) {
    if (slice.family !== family) continue;
    for (const { name, protocol, port: number } of slice.ports) {
      if (name !== port.name || protocol !== port.protocol) continue;
      for (const { address, ready } of slice.endpoints) {
        listed.add(backendOf(address, number));
        hasReady ||= ready;
      }
    }
  }
  const { internalTrafficPolicy, externalTrafficPolicy, loadBalancerSourceRanges } = service;
  const isOpen =
    internalTrafficPolicy === 'Cluster' && externalTrafficPolicy === 'Cluster' && loadBalancerSourceRanges.length === 0;
  return { names: [`${service.namespace}/${service.name}`], listed, mustForward: hasReady && isOpen };
}

function together(known: Claimants | undefined, next: Claimants): Claimants {
  if (known === undefined) return next;
  return {
    names: [...new Set([...known.names, ...next.names])],
    listed: new Set([...known.listed, ...next.listed]),
    mustForward: known.mustForward && next.mustForward,
  };
}
