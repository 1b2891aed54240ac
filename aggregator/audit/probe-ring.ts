/**
 * Who probes whom. Nodes stand in a ring, and each probes the eight that follow it at a distance that grows with each
 * rotation: so each is probed by eight as well, and after some rotations every pair was probed in both directions. Beside
 * them each node probes one of every other zone, since what breaks between zones breaks for all of one.
 *
 *     rotation 0: node i probes i+1 ... i+8       rotation 1: i+9 ... i+16       and so on, around the ring
 */

export interface RingMember {
  readonly name: string;
  /** Null = it tells none. */
  readonly zone: string | null;
}

interface Place {
  readonly inRing: number;
  readonly zone: string | null;
  /** Among those of its zone. */
  readonly inZone: number;
}

const peersAtATime = 8;
const mostZones = 8;

export class ProbeRing {
  readonly #members: readonly RingMember[];
  readonly #places: ReadonlyMap<string, Place>;
  readonly #zones: ReadonlyMap<string, readonly RingMember[]>;

  constructor(members: Iterable<RingMember>) {
    this.#members = [...members].sort(byName);
    const zones = new Map<string, RingMember[]>();
    this.#places = new Map(
      this.#members.map((member, inRing) => {
        const { name, zone } = member;
        const fellows = zone === null ? [] : (zones.get(zone) ?? []);
        if (zone !== null) zones.set(zone, fellows);
        return [name, { inRing, zone, inZone: fellows.push(member) - 1 }];
      }),
    );
    this.#zones = new Map([...zones].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  get size(): number {
    return this.#members.length;
  }

  /** The names of those that a node probes in a rotation, at most sixteen; none for who is not in the ring. */
  peersOf(name: string, rotation: number): readonly string[] {
    const place = this.#places.get(name);
    if (place === undefined) return [];
    const count = this.#members.length;
    const others = count - 1;
    const peers = new Set<string>();
    for (let step = 0; step < Math.min(peersAtATime, others); step++) {
      const distance = 1 + ((rotation * peersAtATime + step) % others);
      const peer = this.#members[(place.inRing + distance) % count];
      if (peer !== undefined) peers.add(peer.name);
    }
    for (const peer of this.#inOtherZones(place, rotation)) peers.add(peer);
    return [...peers];
  }

  /** One of each other zone; members of a zone take different ones, and others in the next rotation. */
  #inOtherZones({ zone: own, inZone }: Place, rotation: number): readonly string[] {
    if (own === null) return [];
    const others = [...this.#zones].filter(([zone]) => zone !== own);
    // Where there are very many zones, these take turns as well.
    const first = others.length <= mostZones ? 0 : (rotation * mostZones) % others.length;
    return [...others.slice(first), ...others.slice(0, first)]
      .slice(0, mostZones)
      .flatMap(([, members]) => members[(inZone + rotation) % members.length]?.name ?? []);
  }
}

function byName({ name: a }: RingMember, { name: b }: RingMember): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
