/** One packet for every way in which rules tell packets apart: by source, interface, destination and client affinity. */
import type { Address } from '../../proto/address.ts';
import { parseAddress, parseHostPort } from '../../proto/address.ts';
import type { ForwardingTable, Protocol } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import type { RandomCluster } from './cluster-arbitrary.ts';
import type { TestPacket } from './packet-outcomes.ts';

/** What of a node's rules decides which packets can tell them apart. */
export interface PacketPlace {
  /** Names of the lists that know clients. */
  readonly affinityLists: readonly string[];
  /** Absent = all of the node's own but loopback. */
  readonly nodePortAddresses?: readonly Address[] | undefined;
}

interface Destination {
  readonly to: Address;
  readonly port: number;
  readonly protocol: Protocol;
}

/**
 * Packets to every frontend of the table, from everywhere, of new clients and of those that affinity lists know. Packets of the node from an address in the pods' own range are left out: they are of no origin.
 */
export function testPackets(
  cluster: RandomCluster,
  table: ForwardingTable,
  { affinityLists, nodePortAddresses }: PacketPlace,
): readonly TestPacket[] {
  const { node, family } = cluster;
  const own = node.localAddresses.filter((one) => one !== '127.0.0.1' && one !== '::1');
  const detector = node.localDetector[family];
  const pods = prefixSet(detector.kind === 'prefix' ? [detector.prefix] : []);
  const senders = own.filter((one) => !contains(pods, one));
  const strangers = [...new Set([...outsiders[family], ...endpointsOf(table).flatMap(withNeighbour)])];
  const lists = [null, ...affinityLists];
  // Lists know a client by its address alone: one of each origin is enough.
  const regulars = new Set<Address>([...outsiders[family].slice(0, 1), ...outsiders[family].slice(-1), ...senders]);
  return destinationsOf(table, nodePortAddresses ?? own).flatMap((destination) => {
    // A service address may be bound on the node, and then talks to itself.
    const bound = contains(pods, destination.to) ? [] : [destination.to];
    const made = [...new Set([...senders, ...bound])].map((from) => ({ from, inInterface: null }));
    const forwarded = [...strangers, ...withNeighbour(destination.to).slice(1)].flatMap((from) =>
      interfacesOf(detector.kind).map((inInterface) => ({ from, inInterface })),
    );
    return [...made, ...forwarded].flatMap((way) =>
      lists
        .filter((knownTo) => knownTo === null || regulars.has(way.from))
        .map((knownTo) => ({ ...destination, ...way, knownTo })),
    );
  });
}

/** Pods of this node and of others, and hosts in and out of the source ranges; the first a pod, the last none. */
const outsiders = {
  ipv4: ['10.244.1.200', '10.244.2.200', '10.9.9.9', '198.51.100.77', '192.168.100.99', '200.1.1.1'] as Address[],
  ipv6: ['fd00:244:1::c8', 'fd00:244:2::c8', 'fd00:100::99', '2001:db8::77', 'fc00::9', '9000::1'] as Address[],
};

/** With any other detector no rule asks for the interface. */
function interfacesOf(detector: 'prefix' | 'interface' | 'none'): readonly string[] {
  return detector === 'interface' ? ['cni0', 'veth1', 'eth0'] : ['eth0'];
}

function destinationsOf(table: ForwardingTable, own: readonly Address[]): readonly Destination[] {
  return [...table.values()].flatMap(({ frontend: { address, port, protocol } }) => {
    const addresses = address === 'node' ? own : [address];
    return addresses.map((to) => ({ to, port, protocol }));
  });
}

/** The address, and one beside it that a prefix one step wider would take too. */
function withNeighbour(address: Address): readonly Address[] {
  const cut = Math.max(address.lastIndexOf('.'), address.lastIndexOf(':')) + 1;
  return [address, parseAddress(`${address.slice(0, cut)}251`)].filter((one) => one !== null);
}

function endpointsOf(table: ForwardingTable): readonly Address[] {
  const backends = [...table.values()].flatMap(({ forwarding }) =>
    origins.flatMap((origin) => {
      const { route } = forwarding[origin];
      return route.action === 'forward' ? route.backends : [];
    }),
  );
  return [...new Set(backends)].flatMap((backend) => parseHostPort(backend)?.address ?? []);
}
