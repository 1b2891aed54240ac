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
import { type Backend, backendOf, parseAddress, parseBackend } from '../../proto/address.ts';
import type { Spread, Spreads } from './spread.ts';
import { type Place, test } from './matching.ts';
import { changeMark, merge, type Packet, type Piece, type Walk } from './pieces.ts';
import type { WalkedTable } from './rule-tables.ts';

const maxDepth = 40;
const maxSteps = 200_000;
const maxPieces = 64;

/**
 * Walks a built-in chain, its policy included.
 * @returns the pieces that the table lets go on: those accepted. All else is in `walk.leaves`.
 */
export function walkHook(
  table: WalkedTable,
  spreads: Spreads,
  hook: string,
  pieces: readonly Piece[],
  walk: Walk,
): readonly Piece[] {
  const chain = table.table.findChain(hook);
  if (chain < 0 || table.isIdle(chain))
    return chain >= 0 && table.table.policy(chain) === 'DROP' ? drop(pieces, walk) : pieces;
  const before = walk.leaves.length;
  const ended = walkChain({ table, spreads, walk }, chain, pieces, 0);
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

/**
 * Walks the first rules of a built-in chain.
 * @param until the rule to stop before.
 * @returns the pieces that get to that rule, and those that a rule has sent to the chain's policy. All else is in
 * `walk.leaves`.
 */
export function walkHead(
  place: Place,
  hook: string,
  until: number,
  pieces: readonly Piece[],
): { readonly arrived: readonly Piece[]; readonly returned: readonly Piece[] } {
  const chain = place.table.table.findChain(hook);
  const returned: Piece[] = [];
  let live = pieces;
  const first = chain < 0 ? until : place.table.firstRule(chain);
  for (let rule = first; rule < until && live.length > 0 && place.walk.unknown === null; rule++) {
    live = walkRule(place, rule, live, returned, 0);
  }
  return { arrived: live, returned };
}

function drop(pieces: readonly Piece[], walk: Walk): readonly Piece[] {
  for (const piece of pieces) walk.leaves.push({ kind: 'dropped', piece });
  return [];
}

/** Walks a chain; returns the pieces that come back to the caller. */
function walkChain(place: Place, chain: number, pieces: readonly Piece[], depth: number): readonly Piece[] {
  const { table, spreads, walk } = place;
  if (depth > maxDepth) walk.unknown ??= 'too-complex';
  const returned: Piece[] = [];
  let live = pieces;
  const spread = walk.path === null ? spreads.at(chain) : null;
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
  const { action } = table.plan(rule);
  walk.steps += live.length;
  if (walk.steps > maxSteps || live.length > maxPieces) walk.unknown ??= 'too-complex';
  if (action.kind === 'pass') return live;
  // A goto to an idle chain still ends this one.
  const isSkippable = action.kind === 'jump' && !action.goto && walk.path === null;
  if (isSkippable && table.isIdle(table.operandId(rule, action.operand))) return live;
  const next: Piece[] = [];
  for (const piece of live) {
    const { taken, left, aside } = test(place, rule, piece);
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
      const backend = backendIn(table.operandText(rule, action.to), walk.packet.port);
      if (backend === null) walk.unknown ??= 'unreadable-target';
      else walk.leaves.push({ kind: 'sent', piece, backend, stores: stores && table.operandText(rule, stores) });
      return;
    }
    case 'unreadable':
      walk.unknown ??= action.reason;
      return;
    // Before routing only NETMAP does: it rewrites where packets go.
    case 'masquerade':
      walk.unknown ??= 'unreadable-target';
      return;
    case 'accept':
      walk.acceptedByFilter ||= table.table.name === 'filter';
      walk.leaves.push({ kind: 'accepted', piece });
      return;
    default:
      walk.leaves.push({ kind: endings[action.kind], piece });
  }
}

/** Where DNAT sends a packet; without a port it keeps its own. Null for ranges, which spread packets in no way known. */
function backendIn(text: string, port: number): Backend | null {
  const backend = parseBackend(text);
  if (backend !== null) return backend;
  const address = parseAddress(text);
  return address === null ? null : backendOf(address, port);
}

const endings = {
  drop: 'dropped',
  reject: 'rejected',
  untrack: 'untracked',
} as const;

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
    all.push(Math.min(left, right));
    if (left < right) i++;
    else j++;
  }
  return all;
}
