/**
 * Whether packets are in a set: `-m set --match-set NAME dst,dst,src`, ipset(8) and iptables-extensions(8). Each
 * dimension of an entry is held against the packet's destination or source. What is asked of the source is answered with
 * the set of sources for which it holds.
 */
import { type Family, parseAddress, parseWhole, type Prefix } from '../../../proto/address.ts';
import { emptySet, everything, type PrefixSet, parsePrefix, prefixSet, subtract } from '../../../proto/prefixes.ts';
import type { Packet } from '../pieces.ts';
import type { IpSet, IpSets } from './ipsets.ts';

export type Side = 'src' | 'dst';

/** What a packet is asked by: its destination, whether or not a load balancer has changed it, and who made it. */
export type Destination = Pick<Packet, 'family' | 'protocol' | 'destination' | 'port' | 'fromNode'>;

type Dimension = 'ip' | 'net' | 'port';

/** A set made ready for one order of sides: from what is asked of the destination to the sources that go with it. */
interface Index {
  readonly asks: readonly ('ip' | 'port')[];
  readonly isBitmap: boolean;
  /** Sources are listed address by address, and not as ranges. */
  readonly listsHosts: boolean;
  /** Null = any source. */
  readonly sources: ReadonlyMap<string, PrefixSet | null>;
  /** The same for packets that the node did not make, as far as they were asked for. */
  readonly arriving: Map<string, PrefixSet>;
}

/** The sets of one node, ready to be asked many times. */
export class SetMatches {
  readonly #sets: IpSets;
  readonly #bound: PrefixSet;
  readonly #indexes = new Map<string, Index | null>();

  /** @param bound service addresses that the node has: no packet that arrives can come from them. */
  constructor(sets: IpSets, bound: PrefixSet) {
    this.#sets = sets;
    this.#bound = bound;
  }

  /**
   * The sources from which a packet with this destination is in the set.
   * @returns null where that cannot be told: the set was not read, or is of a kind that is not known.
   */
  sources(name: string, sides: readonly Side[], packet: Destination): PrefixSet | null {
    const question = `${name} ${sides.join(',')}`;
    let index = this.#indexes.get(question);
    if (index === undefined) {
      const set = this.#sets.get(name);
      index = set === undefined ? null : indexOf(set, sides);
      this.#indexes.set(question, index);
    }
    if (index === null) return null;
    const { asks, isBitmap } = index;
    const asked = asks.map((ask) => (ask === 'ip' ? packet.destination : portOf(packet, isBitmap)));
    const key = asked.join(',');
    const found = index.sources.get(key);
    if (found === undefined || found === null) return found === null ? everything(packet.family) : emptySet;
    return packet.fromNode || !index.listsHosts ? found : this.#arriving(index, key, found);
  }

  #arriving({ arriving }: Index, key: string, found: PrefixSet): PrefixSet {
    let sources = arriving.get(key);
    if (sources === undefined) {
      sources = subtract(found, this.#bound);
      arriving.set(key, sources);
    }
    return sources;
  }
}

/** A bitmap of ports does not ask for the protocol. */
function portOf({ protocol, port }: Destination, isBitmap: boolean): string {
  return isBitmap ? `${port}` : `${protocol}:${port}`;
}

function indexOf(set: IpSet, sides: readonly Side[]): Index | null {
  const dimensions = dimensionsOf(set.type);
  if (dimensions === null || set.hasExceptions || sides.length < dimensions.length) return null;
  const asks: ('ip' | 'port')[] = [];
  for (const [place, dimension] of dimensions.entries()) {
    // A client's port may be any; and a range of destinations is not looked up by one.
    if (sides[place] === 'src' ? dimension === 'port' : dimension === 'net') return null;
    if (sides[place] === 'dst' && dimension !== 'net') asks.push(dimension);
  }
  const isBitmap = set.type === 'bitmap:port';
  const listsHosts = dimensions.some((dimension, place) => dimension === 'ip' && sides[place] === 'src');
  const prefixes = new Map<string, Prefix[]>();
  for (const entry of set.entries) {
    const read = readEntry(entry, dimensions, sides);
    if (read === null) return null;
    const known = prefixes.get(read.asked);
    if (known === undefined) prefixes.set(read.asked, [...read.sources]);
    else known.push(...read.sources);
  }
  if (!sides.slice(0, dimensions.length).includes('src'))
    return { asks, isBitmap, listsHosts, arriving: new Map(), sources: new Map(anySource(prefixes.keys())) };
  return {
    asks,
    isBitmap,
    listsHosts,
    arriving: new Map(),
    sources: new Map([...prefixes].map(([asked, all]) => [asked, prefixSet(all)])),
  };
}

function* anySource(asked: Iterable<string>): Generator<[string, null]> {
  for (const one of asked) yield [one, null];
}

function dimensionsOf(type: string): readonly Dimension[] | null {
  const [, list = ''] = type.split(':');
  const dimensions = list.split(',').filter((word): word is Dimension => ['ip', 'net', 'port'].includes(word));
  return dimensions.join(',') === list ? dimensions : null;
}

interface Entry {
  readonly asked: string;
  /** At most one: none where only the destination is asked. */
  readonly sources: readonly Prefix[];
}

/** @returns null where a value is none that ipset prints. */
function readEntry(entry: string, dimensions: readonly Dimension[], sides: readonly Side[]): Entry | null {
  const values = entry.split(',');
  if (values.length !== dimensions.length) return null;
  const asked: string[] = [];
  const sources: Prefix[] = [];
  for (const [place, dimension] of dimensions.entries()) {
    const value = values[place] ?? '';
    if (sides[place] === 'src') {
      const prefix = parsePrefix(value);
      // A second source dimension is in no set of kube-proxy's.
      if (prefix === null || sources.length > 0) return null;
      sources.push(prefix);
    } else {
      const text = dimension === 'ip' ? parseAddress(value) : portText(value);
      if (text === null) return null;
      asked.push(text);
    }
  }
  return { asked: asked.join(','), sources };
}

/** `tcp:80`, in a bitmap `80`; any other protocol's as it is, since no packet to a Service has it. */
function portText(value: string): string | null {
  const colon = value.indexOf(':');
  return colon < 0 && parseWhole(value, 65535) === null ? null : value;
}

/** kube-proxy's name of a set in a family: those of IPv6 have a 6, and no name is longer than 31 characters. */
export function kubeSetName(family: Family, name: string): string {
  return family === 'ipv4' ? `KUBE-${name}` : `KUBE-6-${name}`.slice(0, 31);
}
