/** Which part of a piece meets the conditions of a rule. */
import type { Protocol } from '../../proto/forwarding.ts';
import { isEmpty, type PrefixSet, parsePrefix, prefixSet, subtract, union } from '../../proto/prefixes.ts';
import type { Spreads } from './spread.ts';
import type { Piece, Walk } from './pieces.ts';
import type { Condition } from './rule-plan.ts';
import { cut, type WalkedTable } from './rule-tables.ts';

/** The table that is walked, and the walk. */
export interface Place {
  readonly table: WalkedTable;
  readonly spreads: Spreads;
  readonly walk: Walk;
}

/** What becomes of one piece at one rule. */
export interface Tested {
  /** Meets every condition. */
  readonly taken: Piece | null;
  /** Does not: goes on to the next rule. */
  readonly left: Piece | null;
  /** The clients that were seen before: a way beside the main one, which keeps all its weight. */
  readonly aside: Piece | null;
}

/** Holds a piece against the conditions of a rule. */
export function test({ table, spreads, walk }: Place, rule: number, piece: Piece): Tested {
  const { conditions } = table.plan(rule);
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
        if (table.sets !== null && isLoopback(set) && !isLoopback(taken.sources)) {
          if (!condition.negated) return { taken: null, left: piece, aside: null };
          break;
        }
        const parts = cutPiece(taken, set, condition.negated);
        walk.steps += taken.sources.ipv4.length + taken.sources.ipv6.length;
        if (parts === null) return { taken: null, left: piece, aside: null };
        left = joined(left, parts.miss);
        taken = parts.hit;
        break;
      }
      case 'set': {
        const set = table.sets?.sources(condition.name, condition.sides, walk.packet) ?? null;
        if (set === null) {
          if (!walk.doubts.answer('set-not-read')) return { taken: null, left: piece, aside: null };
          break;
        }
        const parts = cutPiece(taken, set, condition.negated);
        walk.steps += taken.sources.ipv4.length + taken.sources.ipv6.length;
        if (parts === null) return { taken: null, left: piece, aside: null };
        left = joined(left, parts.miss);
        taken = parts.hit;
        break;
      }
      case 'chance': {
        const part = spreads.chance(rule, condition);
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

const loopback = prefixSet(['127.0.0.0/8', '::1/128'].flatMap((text) => parsePrefix(text) ?? []));

/** In ipvs mode the first rule of all asks for loopback, from where no packet comes to a Service. */
function isLoopback(set: PrefixSet): boolean {
  return isEmpty(subtract(set, loopback));
}

/** The sources of a piece that a rule asks for, and the others; null when it has none of them. */
function cutPiece(
  piece: Piece,
  set: PrefixSet,
  negated: boolean,
): { readonly hit: Piece; readonly miss: Piece | null } | null {
  const { inside, outside } = cut(piece.sources, set);
  const [hit, miss] = negated ? [outside, inside] : [inside, outside];
  if (hit === null) return null;
  return miss === null ? { hit: piece, miss } : { hit: { ...piece, sources: hit }, miss: { ...piece, sources: miss } };
}

/** What two conditions on sources leave over. */
function joined(left: Piece | null, miss: Piece | null): Piece | null {
  if (left === null || miss === null) return left ?? miss;
  return { ...left, sources: union(left.sources, miss.sources) };
}

/** A condition that holds for all of a piece or for none of it. */
type Whole = Exclude<Condition, { kind: 'source' | 'set' | 'chance' | 'seen' }>;

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
      return matchesMark(condition, piece.mark);
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
    case 'bridge-port':
      // A packet the node made came in by none; where pods hang on a bridge, theirs did.
      return packet.fromNode ? condition.negated : walk.doubts.answer('undecided-match');
    case 'balanced':
      // Rules meet new packets before the load balancer does; what it has in hand is judged behind it.
      return condition.server === null && condition.negated;
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
/** Whether a packet's mark is what a rule asks for. */
export function matchesMark({ value, mask, negated }: Extract<Condition, { kind: 'mark' }>, mark: number): boolean {
  return ((mark & mask) >>> 0 === value) !== negated;
}

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
