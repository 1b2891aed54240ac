/**
 * Which destinations of UDP are worth telling of: those that the node forwards, or forwarded lately. A flow outlives the
 * rule that made it, so a destination is remembered for an hour after the rules have ceased to name it.
 */
import type { Address } from '../../proto/address.ts';
import { backendOf } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import {
  type Forwarding,
  type ForwardingTable,
  type Frontend,
  type FrontendKey,
  origins,
} from '../../proto/forwarding.ts';
import type { UdpFlow } from '../../proto/parts.ts';
import type { FlowFilter } from './conntrack-listing.ts';

const rememberedMs = 3_600_000;
/** Many more than a cluster has; the oldest go first. */
const mostRemembered = 100_000;

interface Known {
  readonly frontend: Frontend;
  readonly lastSeenMs: number;
}

/** Remembers the destinations of one node. */
export class UdpDestinations {
  #known = new Map<FrontendKey, Known>();

  /** Takes in what the node forwards now; null where that could not be read. Costs as much as the table is long. */
  advance(table: ForwardingTable | null, atMs: number): void {
    for (const [key, { frontend }] of table ?? []) {
      if (frontend.protocol !== 'udp') continue;
      // Behind the others: the map then stands in the order of the times.
      this.#known.delete(key);
      this.#known.set(key, { frontend, lastSeenMs: atMs });
    }
    for (const [key, { lastSeenMs }] of this.#known) {
      if (atMs - lastSeenMs <= rememberedMs && this.#known.size <= mostRemembered) break;
      this.#known.delete(key);
    }
  }

  /** @param localAddresses the node's own: there node ports are. */
  filter(localAddresses: readonly Address[]): FlowFilter {
    const local = new Set(localAddresses);
    const ports = new Set([...this.#known.values()].map(({ frontend }) => frontend.port));
    return {
      ports,
      wants: (destination, port) => this.#keysOf(destination, port, local).some((key) => this.#known.has(key)),
    };
  }

  #keysOf(destination: Address, port: number, local: ReadonlySet<Address>): readonly FrontendKey[] {
    const family = destination.includes(':') ? 'ipv6' : 'ipv4';
    const key = frontendKey({ family, protocol: 'udp', address: destination, port });
    return local.has(destination) ? [key, frontendKey({ family, protocol: 'udp', address: 'node', port })] : [key];
  }
}

/**
 * Tells flows that the rules would not make now from the others, and which of them the listing before had as well: a
 * flow that is a minute old may be one whose backend has just gone.
 */
export class OddFlows {
  /** The ends of those in the last listing; null = there was none whose rules are known. */
  #last: ReadonlySet<string> | null = null;

  /**
   * @param table null where the rules could not be read.
   * @returns the flows in the order in which they are told, for only the first of very many are: odd ones before the
   * others, then by how many they are.
   */
  oddFirst(flows: readonly UdpFlow[], table: ForwardingTable | null): readonly UdpFlow[] {
    const ranked = flows.map((flow) => ({ flow, isUsual: table !== null && isMadeBy(table, flow) }));
    const before = this.#last;
    if (table !== null) this.#last = new Set(ranked.flatMap(({ flow, isUsual }) => (isUsual ? [] : [endsOf(flow)])));
    return ranked
      .sort((a, b) => Number(a.isUsual) - Number(b.isUsual) || b.flow.flows - a.flow.flows || byEnds(a.flow, b.flow))
      .map(({ flow, isUsual }) => {
        if (isUsual) return { ...flow, lasting: false };
        return before === null || table === null ? flow : { ...flow, lasting: before.has(endsOf(flow)) };
      });
  }
}

function isMadeBy(table: ForwardingTable, { family, destination, port, backend, backendPort }: UdpFlow): boolean {
  const addresses = [destination, 'node'] as const;
  return addresses.some((address) => {
    const entry = table.get(frontendKey({ family, protocol: 'udp', address, port }));
    return entry !== undefined && forwardsTo(entry.forwarding, backendOf(backend, backendPort));
  });
}

function forwardsTo(forwarding: Forwarding, backend: string): boolean {
  return origins.some((origin) => {
    const { route } = forwarding[origin];
    return route.action === 'forward' && route.backends.some((one) => one === backend);
  });
}

function endsOf({ destination, port, backend, backendPort }: UdpFlow): string {
  return `${destination} ${port} ${backend} ${backendPort}`;
}

function byEnds(a: UdpFlow, b: UdpFlow): number {
  return endsOf(a) < endsOf(b) ? -1 : 1;
}
