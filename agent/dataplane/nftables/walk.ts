/**
 * Walks chains of nf_tables as a packet does, with a *set* of sources instead of one.
 *
 *   packets ──▶ rule 1: match ──▶ match ──▶ statement ──▶ verdict ──▶ chain, drop, ...
 *                 │no               │no                      │none, or back from a jump
 *                 ▼                 ▼                        ▼
 *               rule 2 ──▶ ... ──▶ end of chain ──▶ back to the caller, or the policy
 *
 * Pieces, leaves and doubts are those of the iptables walk (../walk.ts), so that equal behaviour comes to equal fates.
 */
import { merge, type Piece } from '../pieces.ts';
import type { Spread } from '../spread.ts';
import type { ChainPlans } from './plans.ts';
import { joined, type NftPiece, type NftWalk, RuleWalk, type Way } from './rule-walk.ts';
import type { Rule } from './rule.ts';
import type { NftChain } from './table.ts';

const maxDepth = 40;

/**
 * Walks a base chain, its policy included.
 * @returns the pieces that it lets go on: those accepted. All else is in `walk.leaves`.
 */
export function walkBase(
  plans: ChainPlans,
  chain: NftChain,
  pieces: readonly Piece[],
  walk: NftWalk,
): readonly Piece[] {
  const before = walk.leaves.length;
  const started = pieces.map((piece) => ({ ...piece, stores: null }));
  const ended = walkChain(wayOf(plans, walk), chain.name, started, 0);
  const accepted: Piece[] = [];
  for (const leaf of walk.leaves.splice(before)) {
    if (leaf.kind === 'accepted') accepted.push(leaf.piece);
    else walk.leaves.push(leaf);
  }
  if (chain.base?.drops !== true) accepted.push(...ended);
  else for (const piece of ended) walk.leaves.push({ kind: 'dropped', piece });
  return merge(accepted);
}

function wayOf(plans: ChainPlans, walk: NftWalk): Way {
  const way: Way = { plans, walk, enter: (chain, piece, depth) => walkChain(way, chain, [piece], depth) };
  return way;
}

/** Walks a chain; returns the pieces that come back to the caller. */
function walkChain(way: Way, name: string, pieces: readonly NftPiece[], depth: number): readonly NftPiece[] {
  const { plans, walk } = way;
  if (depth > maxDepth) walk.unknown ??= 'too-complex';
  const plan = plans.plan(name);
  if (plan === null) {
    // The kernel lets no chain go that a rule leads to: it was not read.
    walk.unknown ??= 'unreadable-target';
    return [];
  }
  const { spread } = plan;
  const returned: NftPiece[] = [];
  let live = walkRules(way, plan.rules, { name, depth, returned }, pieces);
  if (spread !== null && live.length > 0 && walk.unknown === null) {
    if (walk.path === null && fits(spread, walk) && live.every(isNew)) live = takeSpread(live, spread, walk);
    else live = walkRules(way, (plans.rules(name) ?? []).slice(spread.from), { name, depth, returned }, live);
  }
  if (returned.length === 0) return live;
  returned.push(...live);
  return joined(returned);
}

interface ChainWalk {
  readonly name: string;
  readonly depth: number;
  /** Pieces that leave the chain. */
  readonly returned: NftPiece[];
}

/** @returns the pieces that none of the rules took. */
function walkRules(
  way: Way,
  rules: readonly Rule[],
  { name, depth, returned }: ChainWalk,
  pieces: readonly NftPiece[],
): readonly NftPiece[] {
  let live = pieces;
  for (const rule of rules) {
    if (live.length === 0 || way.walk.unknown !== null) break;
    live = new RuleWalk(way, { chain: name, rule, depth }, returned).run(live);
  }
  return live;
}

/** A spread knows nothing of clients that are remembered, or were seen before, on the way to it. */
function isNew({ seen, stores }: NftPiece): boolean {
  return seen === null && stores === null;
}

function fits({ protocol }: Spread, { packet }: NftWalk): boolean {
  return protocol === null || protocol === packet.protocol;
}

function takeSpread(live: readonly NftPiece[], spread: Spread, walk: NftWalk): readonly NftPiece[] {
  for (const piece of live) walk.leaves.push({ kind: 'spread', piece, spread });
  return spread.lost === 0 ? [] : live.map((piece) => ({ ...piece, weight: piece.weight * spread.lost }));
}
