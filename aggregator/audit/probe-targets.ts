/**
 * What each node's agent shall probe. Only where the peer's agent says that it answers, so that a probe that is lost says
 * something of the way; and never a node that is coming or going, an address that several nodes have, or the API server.
 */
import { type Address, type Family, familyOf } from '../../proto/address.ts';
import type { NodeParts } from '../../proto/parts.ts';
import type { ClusterNode, Pod } from '../model/cluster.ts';
import type { ProbeTarget } from '../model/feeds.ts';
import { type ProbePlaces, probePlaces } from './probe-places.ts';
import { ProbeRing } from './probe-ring.ts';
import { millisecondsOf } from './timestamp.ts';

/** What is known of the nodes at one moment. */
export interface ProbeFleet {
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  /** The parts of a node's newest report; null where it has none that counts now. */
  parts(node: string): NodeParts | null;
  /** The pods on a node. */
  podsOn(node: string): Iterable<Pod>;
  /** Of the API server: the endpoints of Service default/kubernetes. */
  readonly apiServers: readonly Address[];
  /** Bytes of the largest packet that a node may send to an address; null where it cannot be told. */
  largestPacketTo(parts: NodeParts, address: Address): number | null;
}

/** A node is new for so long: its CNI plugin may still be on its way. */
const newForMs = 120_000;
/** What agents take, proto/plumbline/agent/v1/agent.proto. */
const packetLimits = { least: 576, most: 65_535 };
const mostTargets = 64;
const families: readonly Family[] = ['ipv4', 'ipv6'];

/** The nodes that take part, as far as the API says. @param now Unix ms. */
export function probeRing(nodes: Iterable<ClusterNode>, now: number): ProbeRing {
  return new ProbeRing([...nodes].filter((node) => isSettled(node, now)));
}

/** Neither coming nor going. */
function isSettled({ ready, leaving, createdAt }: ClusterNode, now: number): boolean {
  const isNew = createdAt !== null && now - millisecondsOf(createdAt) < newForMs;
  return ready !== false && !leaving && !isNew;
}

/** The targets of all nodes at one moment; each node's are worked out when they are asked for. */
export class ProbeTargets {
  readonly #fleet: ProbeFleet;
  readonly #now: number;
  /** Null: the node is not probed. */
  readonly #places = new Map<string, ProbePlaces | null>();
  readonly #shunned: ReadonlySet<Address>;

  /** @param now Unix ms. */
  constructor(fleet: ProbeFleet, now: number) {
    this.#fleet = fleet;
    this.#now = now;
    this.#shunned = this.#shunnedAddresses();
  }

  /** In the order of the peers; none where the node's own agent does not probe. */
  of(name: string, peers: readonly string[]): readonly ProbeTarget[] {
    const parts = this.#fleet.parts(name);
    const own = this.#placesOf(name);
    if (parts === null || own === null) return [];
    const targets = peers.flatMap((peer) => {
      const places = this.#placesOf(peer);
      return places === null ? [] : this.#targetsAt(peer, places, { parts, own });
    });
    return targets.slice(0, mostTargets);
  }

  #targetsAt(
    peer: string,
    places: ProbePlaces,
    { parts, own }: { readonly parts: NodeParts; readonly own: ProbePlaces },
  ): readonly ProbeTarget[] {
    const spoken = families.filter((family) => own.listening.some((address) => familyOf(address) === family));
    const reached = (address: Address) => spoken.includes(familyOf(address)) && !this.#shunned.has(address);
    // Agents send UDP to their own port alone.
    const isHeard = places.port === own.port;
    const overlay = isHeard ? places.overlay.filter(reached) : [];
    const node = isHeard ? places.node.filter(reached) : [];
    const agentAt =
      (by: 'overlay' | 'node') =>
      (address: Address): ProbeTarget => {
        const packetBytes = this.#packetBytes(parts, address);
        return { node: peer, address, port: places.port, protocol: 'udp', by, packetBytes };
      };
    const lacking = spoken.filter((family) => !overlay.some((address) => familyOf(address) === family));
    const pods = lacking.length === 0 ? [] : this.#podsOf(peer, lacking).filter(({ address }) => reached(address));
    return [...overlay.map(agentAt('overlay')), ...pods, ...node.map(agentAt('node'))];
  }

  /** One pod for each family whose owner wants it probed, always the same while it is there. */
  #podsOf(peer: string, lacking: readonly Family[]): readonly ProbeTarget[] {
    const open = [...this.#fleet.podsOn(peer)].filter(isOpenToProbes).sort(byKey);
    return lacking.flatMap((family) => {
      for (const { addresses, probePort = 0 } of open) {
        const address = addresses.find((one) => familyOf(one) === family);
        if (address === undefined) continue;
        return [{ node: peer, address, port: probePort, protocol: 'tcp', by: 'pod', packetBytes: 0 } as const];
      }
      return [];
    });
  }

  #packetBytes(parts: NodeParts, address: Address): number {
    const bytes = this.#fleet.largestPacketTo(parts, address);
    return bytes === null || bytes < packetLimits.least ? 0 : Math.min(bytes, packetLimits.most);
  }

  #placesOf(name: string): ProbePlaces | null {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const node = this.#fleet.nodes.get(name);
    const parts = this.#fleet.parts(name);
    const isProbed = node !== undefined && parts !== null && isSettled(node, this.#now);
    const places = isProbed ? probePlaces(node, parts) : null;
    this.#places.set(name, places);
    return places;
  }

  /** The API server's addresses, and those that more than one node has. */
  #shunnedAddresses(): ReadonlySet<Address> {
    const owners = new Map<Address, string>();
    const shunned = new Set(this.#fleet.apiServers);
    for (const [name, node] of this.#fleet.nodes) {
      for (const address of [...node.addresses, ...(this.#placesOf(name)?.listening ?? [])]) {
        const owner = owners.get(address) ?? name;
        if (owner !== name) shunned.add(address);
        owners.set(address, owner);
      }
    }
    return shunned;
  }
}

function isOpenToProbes({ probePort, hostNetwork, ready, runs, terminating }: Pod): boolean {
  return probePort !== undefined && !hostNetwork && ready && runs && !terminating;
}

function byKey(a: Pod, b: Pod): number {
  return `${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1;
}
