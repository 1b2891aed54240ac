/** How the load balancer is built: what is unbound, idle or drained. */
import type { Address } from '../../proto/address.ts';
import type { Excerpt, IpvsReport } from '../../proto/parts.ts';
import type { VirtualServices } from '../dataplane/ipvs/proc-table.ts';
import { serverKey, type VirtualService } from '../dataplane/ipvs/server.ts';
import type { DrainClock } from './drain-clock.ts';

const maxListed = 40;

/**
 * @param bound the addresses on kube-ipvs0.
 * @param localAddresses the node's own; empty = not known.
 */
export function describeIpvs(
  services: VirtualServices,
  bound: readonly Address[],
  localAddresses: readonly Address[],
): Pick<IpvsReport, 'virtualServers' | 'realServers' | 'unboundServers' | 'idleAddresses'> {
  const local = new Set([...localAddresses, ...bound]);
  const all = [...services.values()];
  const served = new Set(all.map(({ address }) => address));
  // Without the node's addresses all would look unbound.
  const unbound = localAddresses.length === 0 ? [] : all.filter(({ address }) => !local.has(address));
  return {
    virtualServers: all.length,
    realServers: all.reduce((sum, { servers }) => sum + servers.length, 0),
    unboundServers: excerpt(unbound.map(placeOf)),
    idleAddresses: excerpt(bound.filter((address) => !isLinkLocal(address) && !served.has(address))),
  };
}

/**
 * Real servers of weight 0; those whose virtual server has nobody else come first.
 * @param nowMs of a clock that never goes back.
 */
export function drainedServers(services: VirtualServices, drains: DrainClock, nowMs: number): IpvsReport['drained'] {
  drains.begin();
  const inOrder = [...services.values()].sort((a, b) => Number(servesNobody(b)) - Number(servesNobody(a)));
  return excerpt(
    inOrder.flatMap((service) => {
      const { protocol, address, port, persistentTicks } = service;
      const drained = service.servers.filter(({ weight }) => weight === 0);
      return drained.map(({ backend, activeConnections, inactiveConnections }) => ({
        server: placeOf(service),
        backend,
        activeConnections,
        inactiveConnections,
        persistent: persistentTicks !== null,
        ...drains.see(
          `${serverKey(protocol, address, port)} ${backend}`,
          activeConnections + inactiveConnections,
          nowMs,
        ),
      }));
    }),
  );
}

function servesNobody({ servers }: VirtualService): boolean {
  return servers.every(({ weight }) => weight === 0);
}

function placeOf({ protocol, address, port }: VirtualService): IpvsReport['unboundServers']['first'][number] {
  return { protocol, address, port };
}

function excerpt<T>(all: readonly T[]): Excerpt<T> {
  return { total: all.length, first: all.slice(0, maxListed) };
}

/** Every link may have one of its own making. */
function isLinkLocal(address: Address): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}
