/**
 * The load balancer as one stage of a packet's way (net/netfilter/ipvs/ip_vs_core.c):
 *
 *   pod, outside ──▶ ... filter INPUT ──▶ IPVS ──virtual server──▶ a real server ──▶ filter OUTPUT, nat POSTROUTING
 *                    only if the address is the node's own          no server: ICMP port unreachable
 *   node ──▶ ... nat OUTPUT ──▶ IPVS ──▶ the same, whatever the address
 */
import { type Address, parseHostPort } from '../../../proto/address.ts';
import type { Dress, Fate, Route } from '../../../proto/forwarding.ts';
import { equals, isEmpty, type PrefixSet, subtract, union } from '../../../proto/prefixes.ts';
import { fateOf, type Masquerades } from '../fate.ts';
import { masqueradesOf } from '../masquerading.ts';
import type { Piece, Walk } from '../pieces.ts';
import type { RuleTables } from '../rule-tables.ts';
import type { Pick as BackendPick, Spread } from '../spread.ts';
import { spreadingOf, type Sticky } from '../spreading.ts';
import { hairpinsOf, OutFilter } from './behind.ts';
import { type ServerKey, serverKey, type VirtualService } from './server.ts';
import type { SetMatches } from './set-matches.ts';

/** A virtual server with what its ticks mean. */
export interface BalancedService extends VirtualService {
  /** Seconds for which a client stays with its real server; 0 = it does not, null = it does, nobody knows how long. */
  readonly affinitySeconds: number | null;
}

/** The load balancer of one node. */
export interface Ipvs {
  readonly services: ReadonlyMap<ServerKey, BalancedService>;
  /** What is bound on kube-ipvs0: local, but none of the node's own addresses. */
  readonly boundAddresses: ReadonlySet<Address>;
  readonly sets: SetMatches;
  /** net.ipv4.vs.conntrack: without it NAT rules do not see what leaves the load balancer. */
  readonly tracksConnections: boolean;
}

/** Schedulers for which a weight is only zero or not. */
const unweighted = new Set(['rr', 'lc', 'dh']);

/** What a virtual server does with whatever reaches it. */
interface Balanced {
  readonly spread: Spread;
  /** Of its real servers, how many are masqueraded when they reach themselves: those that the sets list. */
  readonly hairpin: Dress['hairpin'];
}

export class Balancer {
  readonly masquerades: Masquerades;
  readonly #ipvs: Ipvs;
  readonly #outFilter: OutFilter;
  readonly #hairpins: ReturnType<typeof hairpinsOf>;
  readonly #balanced = new Map<ServerKey, Balanced | null>();
  /** Few serve all: there would be thousands of equal ones. */
  readonly #dresses = new Map<string, Dress>();

  constructor(ipvs: Ipvs, { tables }: RuleTables) {
    this.#ipvs = ipvs;
    this.#outFilter = new OutFilter(tables.get('filter'));
    const nat = ipvs.tracksConnections ? tables.get('nat') : undefined;
    this.masquerades = masqueradesOf(nat);
    this.#hairpins = hairpinsOf(nat);
  }

  /** Whether an address is local because a service has it. */
  isBound(address: Address): boolean {
    return this.#ipvs.boundAddresses.has(address);
  }

  /** Takes packets to a virtual server; where they end is in the walk's leaves. @returns those it does not take. */
  take(walk: Walk, pieces: readonly Piece[]): readonly Piece[] {
    const { protocol, destination, port } = walk.packet;
    const key = serverKey(protocol, destination, port);
    const service = this.#ipvs.services.get(key);
    if (service === undefined || pieces.length === 0 || walk.unknown !== null) return pieces;
    const readable = service.servers.every(({ method, weight }) => method === 'masq' || method === 'local' || !weight);
    if (!readable) walk.unknown = 'unreadable-target';
    else if (service.affinitySeconds === null) walk.unknown = 'unreadable-rule';
    const balanced = this.#balancedBy(key, service);
    for (const piece of pieces) {
      if (balanced === null) walk.leaves.push({ kind: 'rejected', piece });
      else this.#send(walk, key, piece, balanced.spread);
    }
    return [];
  }

  /**
   * The fate of packets that ended so: fateOf, but for hairpins. Only endpoints on the node are listed for them, so they
   * are told of all backends alike, whether or not these can be callers of this origin.
   * @param universe all of the origin's sources.
   */
  fateOf({ leaves, packet: { protocol, destination, port } }: Walk, universe: PrefixSet): Fate {
    const balanced = this.#balanced.get(serverKey(protocol, destination, port)) ?? null;
    const [only] = leaves;
    if (balanced !== null && leaves.length === 1 && only?.kind === 'spread' && equals(only.piece.sources, universe)) {
      const masquerade = this.masquerades(only.piece.mark) ? 'always' : 'never';
      const { route, spreading } = only.spread;
      const hairpin = masquerade === 'always' ? 'all' : balanced.hairpin;
      if (only.piece.weight === 1) return { route, dress: this.#shared({ ...spreading, masquerade, hairpin }) };
    }
    // Source ranges are asked for before it is known that nobody serves.
    const fate = fateOf(leaves, universe, this.masquerades, true);
    if (fate.dress === null || balanced === null || fate.dress.masquerade === 'always') return fate;
    return { route: fate.route, dress: { ...fate.dress, hairpin: balanced.hairpin } };
  }

  #shared({ shares, masquerade, hairpin }: Dress): Dress {
    if (shares !== 'even') return { shares, masquerade, hairpin };
    const text = `${JSON.stringify(masquerade)} ${hairpin}`;
    let dress = this.#dresses.get(text);
    if (dress === undefined) {
      dress = { shares, masquerade, hairpin };
      this.#dresses.set(text, dress);
    }
    return dress;
  }

  #send(walk: Walk, server: ServerKey, piece: Piece, spread: Spread): void {
    const { sources, mark } = piece;
    const { dropped, rejected } = this.#outFilter.refuses({ server, protocol: walk.packet.protocol, mark, sources });
    const refused = union(dropped, rejected);
    if (isEmpty(refused)) {
      walk.leaves.push({ kind: 'spread', piece, spread });
      return;
    }
    if (!isEmpty(dropped)) walk.leaves.push({ kind: 'dropped', piece: { ...piece, sources: dropped } });
    if (!isEmpty(rejected)) walk.leaves.push({ kind: 'rejected', piece: { ...piece, sources: rejected } });
    const rest = subtract(sources, refused);
    if (!isEmpty(rest)) walk.leaves.push({ kind: 'spread', piece: { ...piece, sources: rest }, spread });
  }

  /** Null where no real server takes new clients. */
  #balancedBy(key: ServerKey, service: BalancedService): Balanced | null {
    let balanced = this.#balanced.get(key);
    if (balanced === undefined) {
      const spread = spreadOf(service);
      balanced = spread === null ? null : { spread, hairpin: this.#hairpinOf(service.protocol, spread) };
      this.#balanced.set(key, balanced);
    }
    return balanced;
  }

  #hairpinOf(protocol: BalancedService['protocol'], { spreading: { backends } }: Spread): Dress['hairpin'] {
    const count = backends.filter((backend) => {
      const reached = parseHostPort(backend);
      return reached !== null && this.#hairpins(protocol, reached);
    }).length;
    return count === 0 ? 'none' : count === backends.length ? 'all' : 'some';
  }
}

function spreadOf({ scheduler, servers, affinitySeconds }: BalancedService): Spread | null {
  const serving = servers.filter(({ weight }) => weight > 0);
  if (serving.length === 0) return null;
  const seconds = affinitySeconds ?? 0;
  const weigh = ({ weight }: { readonly weight: number }) => (unweighted.has(scheduler) ? 1 : weight);
  const total = serving.reduce((sum, server) => sum + weigh(server), 0);
  const stores = seconds === 0 ? null : 'persistence';
  const picks = serving.map((server): BackendPick => {
    return { backend: server.backend, weight: weigh(server) / total, stores, ownMark: null };
  });
  const stickies = stores === null ? [] : serving.map(({ backend }): Sticky => ({ backend, name: stores, seconds }));
  const spreading = spreadingOf(inOrder(picks), stickies);
  const { backends, affinitySeconds: affinity } = spreading;
  const route: Route = { action: 'forward', backends, affinitySeconds: affinity, sources: 'any', otherwise: 'drop' };
  return { from: 0, protocol: null, stickies, ownMarks: [null], picks: () => picks, lost: 0, spreading, route };
}

function inOrder(picks: readonly BackendPick[]): readonly BackendPick[] {
  return [...picks].sort((a, b) => (a.backend < b.backend ? -1 : 1));
}
