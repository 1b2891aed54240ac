/**
 * Walks one table's rules as a packet does, with a *set* of sources instead of one.
 *
 *   packets ──▶ rule 1 ──no──▶ rule 2 ──no──▶ ... ──▶ end of chain ──▶ back to the caller, or the policy
 *                 │yes           │yes
 *                 ▼              ▼
 *               target         jump ──▶ chain ──▶ comes back ──▶ rule 3
 *
 * A rule that asks for a source cuts the set in two, and each part goes its own way. A rule by chance takes a part of
 * the weight. Where a rule cannot be decided, the walk is repeated for each answer (see `Doubts`), and only where the
 * answers make a difference is the fate unknown.
 */
import { type Address, type Backend, type Family, parseBackend } from '../../proto/address.ts';
import type { Protocol, UnknownReason } from '../../proto/forwarding.ts';
import { equals, intersect, isEmpty, type PrefixSet, union } from '../../proto/prefixes.ts';
import type { EndpointChains, MarkChange, Spread } from './endpoint-chain.ts';
import type { Condition } from './rule-plan.ts';
import { cut, type WalkedTable } from './rule-tables.ts';

/** What is fixed of the packets of one walk. */
export interface Packet {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly destination: Address;
  readonly port: number;
  /** Whether the destination is one of the node's own addresses. */
  readonly toNode: boolean;
  /** Whether the node itself made the packet. */
  readonly fromNode: boolean;
}

/** Packets that have gone the same way so far. */
export interface Piece {
  readonly sources: PrefixSet;
  /** The packet mark, unsigned. */
  readonly mark: number;
  /** The part of new connections, 0 to 1. */
  readonly weight: number;
  /** Set on the side way of clients that were seen before. */
  readonly seen: { readonly name: string; readonly seconds: number | null } | null;
}

/** Where packets end in one table. */
export type Leaf =
  | { readonly kind: 'sent'; readonly piece: Piece; readonly backend: Backend; readonly stores: string | null }
  | { readonly kind: 'spread'; readonly piece: Piece; readonly spread: Spread }
  | { readonly kind: 'accepted' | 'dropped' | 'rejected' | 'untracked' | 'masqueraded'; readonly piece: Piece };

/** Answers to what the rules alone do not decide; asked in the walk's order, repeated for each combination. */
export class Doubts {
  #given: readonly boolean[] = [];
  #asked: boolean[] = [];
  reason: UnknownReason | null = null;

  answer(reason: UnknownReason): boolean {
    const answer = this.#given[this.#asked.length] ?? false;
    this.#asked.push(answer);
    this.reason ??= reason;
    return answer;
  }

  /** Prepares the next combination; false when all were walked. */
  next(): boolean {
    const last = this.#asked.lastIndexOf(false);
    if (last < 0) return false;
    this.#given = [...this.#asked.slice(0, last), true];
    this.#asked = [];
    return true;
  }
}

/** One walk: where it is told of doubts and interfaces, and what it collects. */
export interface Walk {
  readonly packet: Packet;
  /** The interface the packets came in by; null for packets the node made; '' = one that no rule names. */
  interface: string | null;
  /**
   * Where the packets leave by in this hook: `not` (before routing, or to the node itself), over `lo`, or by one of the
   * links that may carry them; null = the links are not known.
   */
  leaving: 'not' | 'lo' | readonly string[] | null;
  readonly doubts: Doubts;
  readonly leaves: Leaf[];
  /** Rules met, in order, where someone wants to see the way; null otherwise. */
  readonly path: { readonly table: WalkedTable; readonly rule: number }[] | null;
  /** Set when a rule was met whose effect cannot be read: nothing can be said. */
  unknown: UnknownReason | null;
  /** Set when a rule asked for the interface. */
  askedInterface: boolean;
  /** Set when a filter rule, not a policy, accepted packets. */
  acceptedByFilter: boolean;
  steps: number;
}

const maxDepth = 40;
const maxSteps = 50_000;
const maxPieces = 64;

/**
 * Walks a built-in chain, its policy included.
 * @returns the pieces that the table lets go on: those accepted. All else is in `walk.leaves`.
 */
export function walkHook(
  table: WalkedTable,
  chains: EndpointChains,
  hook: string,
  pieces: readonly Piece[],
  walk: Walk,
): readonly Piece[] {
  const chain = table.table.findChain(hook);
  if (chain < 0 || table.isIdle(chain))
    return chain >= 0 && table.table.policy(chain) === 'DROP' ? drop(pieces, walk) : pieces;
  const before = walk.leaves.length;
  const ended = walkChain({ table, chains, walk }, chain, pieces, 0);
  const accepted: Piece[] = [];
  const leaves = walk.leaves.splice(before);
  for (const leaf of leaves) {
    if (leaf.kind === 'accepted') accepted.push(leaf.piece);
    else walk.leaves.push(leaf);
  }
  if (table.table.policy(chain) === 'DROP') drop(ended, walk);
  else accepted.push(...ended);
  return merge(accepted);
}

function drop(pieces: readonly Piece[], walk: Walk): readonly Piece[] {
  for (const piece of pieces) walk.leaves.push({ kind: 'dropped', piece });
  return [];
}

interface Place {
  readonly table: WalkedTable;
  readonly chains: EndpointChains;
  readonly walk: Walk;
}

/** Walks a chain; returns the pieces that come back to the caller. */
function walkChain(place: Place, chain: number, pieces: readonly Piece[], depth: number): readonly Piece[] {
  const { table, chains, walk } = place;
  if (depth > maxDepth || walk.steps > maxSteps || pieces.length > maxPieces) {
    walk.unknown ??= 'too-complex';
    return [];
  }
  const returned: Piece[] = [];
  let live = pieces;
  const spread = walk.path === null ? chains.spread(chain) : null;
  const listed = rulesFor(table, chain, walk.packet);
  const first = table.firstRule(chain);
  const count = listed === null ? table.endOfRules(chain) - first : listed.length;
  for (let i = 0; i < count && live.length > 0 && walk.unknown === null; i++) {
    const rule = listed === null ? first + i : (listed[i] ?? 0);
    if (spread !== null && rule === spread.from && fits(spread, walk.packet)) {
      live = takeSpread(live, spread, walk);
      break;
    }
    live = walkRule(place, rule, live, returned, depth);
  }
  if (returned.length === 0) return live;
  returned.push(...live);
  return merge(returned);
}

function fits(spread: Spread, packet: Packet): boolean {
  return spread.protocol === null || spread.protocol === packet.protocol;
}

function takeSpread(live: readonly Piece[], spread: Spread, walk: Walk): readonly Piece[] {
  for (const piece of live) walk.leaves.push({ kind: 'spread', piece, spread });
  return spread.lost === 0 ? [] : live.map((piece) => ({ ...piece, weight: piece.weight * spread.lost }));
}

/** One rule, all live pieces: pushes what returns to `returned`, gives back what goes on to the next rule. */
function walkRule(
  place: Place,
  rule: number,
  live: readonly Piece[],
  returned: Piece[],
  depth: number,
): readonly Piece[] {
  const { table, walk } = place;
  const { conditions, action } = table.plan(rule);
  walk.steps++;
  if (action.kind === 'pass') return live;
  // A goto to an idle chain still ends this one.
  const isSkippable = action.kind === 'jump' && !action.goto && walk.path === null;
  if (isSkippable && table.isIdle(table.operandId(rule, action.operand))) return live;
  const next: Piece[] = [];
  for (const piece of live) {
    const { taken, left, aside } = test(place, rule, conditions, piece);
    if (left !== null) next.push(left);
    if (taken !== null) act(place, rule, taken, { next, returned }, depth);
    // Clients seen before that come back have been counted on the main way.
    if (aside !== null) act(place, rule, aside, { next: [], returned: [] }, depth);
  }
  return next.length > 1 ? merge(next) : next;
}

/** Where pieces go that a rule does not end: on to the next rule, or back to the caller. */
interface Onward {
  readonly next: Piece[];
  readonly returned: Piece[];
}

function act(place: Place, rule: number, piece: Piece, onward: Onward, depth: number): void {
  const { table, walk } = place;
  const { action, stores } = table.plan(rule);
  walk.path?.push({ table, rule });
  switch (action.kind) {
    case 'jump': {
      const back = walkChain(place, table.operandId(rule, action.operand), [piece], depth + 1);
      (action.goto ? onward.returned : onward.next).push(...back);
      return;
    }
    case 'return':
      onward.returned.push(piece);
      return;
    case 'mark':
      onward.next.push({ ...piece, mark: changeMark(piece.mark, action) });
      return;
    case 'pass':
      onward.next.push(piece);
      return;
    case 'dnat': {
      const backend = parseBackend(table.operandText(rule, action.to));
      if (backend === null) walk.unknown ??= 'unreadable-target';
      else walk.leaves.push({ kind: 'sent', piece, backend, stores: stores && table.operandText(rule, stores) });
      return;
    }
    case 'unreadable':
      walk.unknown ??= action.reason;
      return;
    case 'accept':
      walk.acceptedByFilter ||= table.table.name === 'filter';
      walk.leaves.push({ kind: 'accepted', piece });
      return;
    default:
      walk.leaves.push({ kind: endings[action.kind], piece });
  }
}

const endings = {
  drop: 'dropped',
  reject: 'rejected',
  masquerade: 'masqueraded',
  untrack: 'untracked',
} as const;

/** mark = (mark & ~mask) ^ value, unsigned 32 bits. */
export function changeMark(mark: number, { value, mask }: MarkChange): number {
  return ((mark & ~mask) ^ value) >>> 0;
}

interface Tested {
  /** Meets every condition. */
  readonly taken: Piece | null;
  /** Does not: goes on to the next rule. */
  readonly left: Piece | null;
  /** The clients that were seen before: a way beside the main one, which keeps all its weight. */
  readonly aside: Piece | null;
}

function test({ table, chains, walk }: Place, rule: number, conditions: readonly Condition[], piece: Piece): Tested {
  let taken: Piece = piece;
  let left: Piece | null = null;
  for (const condition of conditions) {
    switch (condition.kind) {
      case 'source': {
        const set = table.prefixes(rule, condition.prefix);
        if (set === null) {
          if (!walk.doubts.answer('unreadable-match')) return { taken: null, left: piece, aside: null };
          break;
        }
        const { inside, outside } = cut(taken.sources, set);
        const [hit, miss] = condition.negated ? [outside, inside] : [inside, outside];
        if (hit === null) return { taken: null, left: piece, aside: null };
        if (miss !== null) {
          left = { ...taken, sources: miss };
          taken = { ...taken, sources: hit };
        }
        break;
      }
      case 'chance': {
        const part = chains.chance(rule, condition);
        if (part === null) {
          walk.unknown ??= 'unreadable-match';
          return { taken: null, left: piece, aside: null };
        }
        if (part === 0) return { taken: null, left: piece, aside: null };
        // A chance after a source match takes its part of that source only: what is left are two pieces. kube-proxy
        // and every plugin known write one or the other.
        if (part < 1 && left !== null) walk.unknown ??= 'too-complex';
        if (part < 1) left = { ...taken, weight: taken.weight * (1 - part) };
        taken = { ...taken, weight: taken.weight * part };
        break;
      }
      case 'seen': {
        const name = table.operandText(rule, condition.name);
        // A new client is on no list, and one that is on a list is on that one only.
        if (condition.negated && piece.seen?.name !== name) break;
        if (condition.negated || piece.seen !== null) return { taken: null, left: piece, aside: null };
        return { taken: null, left: piece, aside: { ...taken, seen: { name, seconds: condition.seconds } } };
      }
      default:
        if (!holds(table, rule, condition, taken, walk)) return { taken: null, left: piece, aside: null };
    }
  }
  return { taken, left, aside: null };
}

/** A condition that holds for all of a piece or for none of it. */
type Whole = Exclude<Condition, { kind: 'source' | 'chance' | 'seen' }>;

function holds(table: WalkedTable, rule: number, condition: Whole, piece: Piece, walk: Walk): boolean {
  const { packet } = walk;
  switch (condition.kind) {
    case 'never':
      return false;
    case 'protocol':
      return matchesProtocol(condition.protocol, packet.protocol) !== condition.negated;
    case 'destination': {
      const inside = table.isDestination(rule, condition.prefix, packet.destination);
      return inside === null ? walk.doubts.answer('unreadable-match') : inside !== condition.negated;
    }
    case 'destination-port':
      return inPortText(table.operandText(rule, condition.port), packet.port) !== condition.negated;
    case 'destination-ports':
      return (
        condition.ports.some(({ first, last }) => first <= packet.port && packet.port <= last) !== condition.negated
      );
    case 'mark':
      return ((piece.mark & condition.mask) >>> 0 === condition.value) !== condition.negated;
    case 'address-type':
      return (
        hasType(condition.types, condition.which === 'source' ? packet.fromNode : packet.toNode) !== condition.negated
      );
    case 'in-interface':
      // A packet the node made came in by none.
      if (walk.interface === null) return condition.negated;
      walk.askedInterface = true;
      return matchesInterface(condition.pattern, walk.interface) !== condition.negated;
    case 'out-interface':
      return leavesBy(condition.pattern, condition.negated, walk);
    case 'undecided':
      return walk.doubts.answer(condition.reason);
  }
}

/** Rules alone do not say where a packet is routed: decided only where no link fits, or every one does. */
function leavesBy(pattern: string, negated: boolean, { leaving, doubts }: Walk): boolean {
  if (leaving === 'not') return negated;
  if (leaving === 'lo') return matchesInterface(pattern, 'lo') !== negated;
  if (leaving === null) return doubts.answer('interface-dependent');
  const fitting = leaving.filter((link) => matchesInterface(pattern, link)).length;
  if (fitting > 0 && fitting < leaving.length) return doubts.answer('interface-dependent');
  return fitting > 0 !== negated;
}

function matchesProtocol(asked: string, protocol: Protocol): boolean {
  return asked === protocol || asked === 'all' || asked === { tcp: '6', udp: '17', sctp: '132' }[protocol];
}

/** Of the kernel's address types only LOCAL tells service packets apart: the others are routed, hence UNICAST. */
function hasType(types: readonly string[], local: boolean): boolean {
  return local ? types.includes('LOCAL') : types.includes('UNICAST');
}

/** Whether an interface's name fits a pattern of iptables: `eth0`, `cali+`, `+`. */
export function matchesInterface(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function inPortText(text: string, port: number): boolean {
  const colon = text.indexOf(':');
  if (colon < 0) return Number(text) === port;
  const first = colon === 0 ? 0 : Number(text.slice(0, colon));
  const last = colon === text.length - 1 ? 65535 : Number(text.slice(colon + 1));
  return first <= port && port <= last;
}

/** The rules of a long chain that a packet can meet at all, in order; null = walk every rule. */
function rulesFor(table: WalkedTable, chain: number, packet: Packet): readonly number[] | null {
  const index = table.index(chain);
  if (index === null) return null;
  const byAddress = index.byAddress.get(packet.destination);
  const byPort = index.byPort.get(packet.port);
  const own = byAddress === undefined ? byPort : byPort === undefined ? byAddress : inOrder(byAddress, byPort);
  return own === undefined ? index.others : inOrder(own, index.others);
}

/** Two ascending lists as one. */
function inOrder(a: readonly number[], b: readonly number[]): readonly number[] {
  const all: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const left = a[i] ?? Infinity;
    const right = b[j] ?? Infinity;
    all.push(left < right ? left : right);
    if (left < right) i++;
    else j++;
  }
  return all;
}

/** Joins pieces that differ only in weight, or only in sources. */
function merge(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length < 2) return pieces;
  const merged: Piece[] = [];
  for (const piece of pieces) {
    const at = merged.findIndex(
      (other) => other.mark === piece.mark && other.seen === piece.seen && areJoinable(other, piece),
    );
    const other = merged[at];
    if (other === undefined) merged.push(piece);
    else if (equals(other.sources, piece.sources)) merged[at] = { ...other, weight: other.weight + piece.weight };
    else merged[at] = { ...other, sources: union(other.sources, piece.sources) };
  }
  return merged;
}

function areJoinable(a: Piece, b: Piece): boolean {
  if (equals(a.sources, b.sources)) return true;
  return a.weight === b.weight && isEmpty(intersect(a.sources, b.sources));
}
