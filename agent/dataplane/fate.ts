/**
 * From the leaves of a walk to one origin's fate: what they have in common, in the words of a ForwardingTable.
 * Leaves that differ by source in a way no Service asks for are unknown, never simplified.
 */
import { type Address, type Backend, parseHostPort } from '../../proto/address.ts';
import { dressText, routeText } from '../../proto/canonical.ts';
import type { Dress, Fate, Masquerade, Route, UnknownReason } from '../../proto/forwarding.ts';
import {
  addressSet,
  emptySet,
  equals,
  intersect,
  isEmpty,
  type PrefixSet,
  subtract,
  toPrefixes,
  union,
} from '../../proto/prefixes.ts';
import { type Choice, type Sticky, spreadingOf } from './spreading.ts';
import type { MarkChange } from './endpoint-chain.ts';
import type { Spread } from './spread.ts';
import { cut } from './rule-tables.ts';
import { changeMark, type Leaf, type Piece } from './pieces.ts';

/**
 * Whether packets that leave with this mark are masqueraded; asked with a backend, those that it sends to itself, where
 * that can differ.
 */
export type Masquerades = (mark: number, hairpin?: Backend) => boolean;

type Ending = 'reject' | 'drop' | 'none';

const ended: { readonly [ending in Ending]: Fate } = {
  none: { route: { action: 'none' }, dress: null },
  reject: { route: { action: 'reject' }, dress: null },
  drop: { route: { action: 'drop' }, dress: null },
};

/** The fate about which nothing can be said. */
export function unknownFate(reason: UnknownReason): Fate {
  return { route: { action: 'unknown', reason }, dress: null };
}

/** Whether two fates mean the same. */
export function sameFate(a: Fate, b: Fate): boolean {
  return a === b || (routeText(a.route) === routeText(b.route) && dressText(a.dress) === dressText(b.dress));
}

/** One way to one backend. */
interface Arrival {
  readonly piece: Piece;
  readonly backend: Backend;
  readonly ownMark: MarkChange | null;
  readonly stores: string | null;
}

/**
 * @param leaves where the packets ended; `accepted` ones went on un-NATed to the end of the last table.
 * @param universe all of the origin's sources.
 * @param refusedAlike whether it is all one if some sources are rejected and the others dropped: then it is `reject`.
 */
export function fateOf(
  leaves: readonly Leaf[],
  universe: PrefixSet,
  masquerades: Masquerades,
  refusedAlike = false,
): Fate {
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) {
    if (only.kind !== 'spread' && only.kind !== 'sent' && only.kind !== 'untracked') return ended[endingOf(only.kind)];
    if (only.kind === 'spread' && only.piece.weight === 1 && equals(only.piece.sources, universe)) {
      const fate = spreadFate(only.spread, only.piece.mark, masquerades);
      if (fate !== null) return fate;
    }
  }
  if (leaves.some((leaf) => leaf.kind === 'untracked')) return unknownFate('untracked');
  const arrivals = leaves.flatMap(arrivalsOf);
  const forwarded = unionOf(arrivals.filter(({ piece }) => piece.seen === null));
  const rest = subtract(universe, forwarded);
  const ending = isEmpty(rest) ? 'drop' : commonEnding(leaves, rest, refusedAlike && isEmpty(forwarded));
  if (ending === null) return unknownFate('source-dependent');
  if (isEmpty(forwarded)) return ended[ending];
  const sources = isEmpty(rest) ? 'any' : toPrefixes(forwarded);
  return forwardFate(
    { arrivals, stickies: leaves.flatMap(stickiesOf), forwarded, sources, otherwise: ending },
    masquerades,
  );
}

function endingOf(kind: Exclude<Leaf['kind'], 'sent' | 'spread'>): Ending {
  return kind === 'rejected' ? 'reject' : kind === 'dropped' ? 'drop' : 'none';
}

/** How the packets from `sources` that reach no backend end; null when not all end alike, refusals aside if wanted. */
function commonEnding(leaves: readonly Leaf[], sources: PrefixSet, refusedAlike: boolean): Ending | null {
  let common: Ending | null = null;
  for (const leaf of leaves) {
    if (leaf.kind === 'sent' || leaf.kind === 'spread' || leaf.piece.seen !== null) continue;
    if (isEmpty(intersect(leaf.piece.sources, sources))) continue;
    const ending = endingOf(leaf.kind);
    if (common === null || common === ending) common = ending;
    else if (refusedAlike && common !== 'none' && ending !== 'none' && leaf.piece.weight === 1) common = 'reject';
    else return null;
  }
  return common ?? 'none';
}

function arrivalsOf(leaf: Leaf): readonly Arrival[] {
  if (leaf.kind === 'sent') {
    return [{ piece: leaf.piece, backend: leaf.backend, ownMark: null, stores: leaf.stores }];
  }
  if (leaf.kind !== 'spread') return [];
  return leaf.spread.picks().map(({ weight, ...pick }) => ({
    piece: { ...leaf.piece, weight: leaf.piece.weight * weight },
    ...pick,
  }));
}

function stickiesOf(leaf: Leaf): readonly Sticky[] {
  if (leaf.kind === 'sent') return leaf.piece.seen === null ? [] : [{ backend: leaf.backend, ...leaf.piece.seen }];
  return leaf.kind === 'spread' ? leaf.spread.stickies : [];
}

function unionOf(arrivals: readonly Arrival[]): PrefixSet {
  return arrivals.reduce((set, { piece }) => union(set, piece.sources), emptySet);
}

interface Forwarded {
  readonly arrivals: readonly Arrival[];
  readonly stickies: readonly Sticky[];
  readonly forwarded: PrefixSet;
  readonly sources: Extract<Route, { action: 'forward' }>['sources'];
  readonly otherwise: Ending;
}

function forwardFate({ arrivals, stickies, forwarded, sources, otherwise }: Forwarded, masquerades: Masquerades): Fate {
  const byBackend = new Map<Backend, Arrival[]>();
  for (const arrival of arrivals) {
    if (arrival.piece.seen !== null) continue;
    const list = byBackend.get(arrival.backend);
    if (list === undefined) byBackend.set(arrival.backend, [arrival]);
    else list.push(arrival);
  }
  const choices: Choice[] = [];
  const masquerading: Masquerading[] = [];
  for (const [backend, own] of byBackend) {
    const weight = weightOver(own, forwarded);
    if (weight === null) return unknownFate('source-dependent');
    const stores = own.every((arrival) => arrival.stores === own[0]?.stores) ? (own[0]?.stores ?? null) : null;
    choices.push({ backend, weight, stores });
    masquerading.push(masqueradingOf(backend, own, forwarded, masquerades));
  }
  const { backends, shares, affinitySeconds } = spreadingOf(choices, stickies);
  const route: Route = { action: 'forward', backends, affinitySeconds, sources, otherwise };
  return { route, dress: { shares, ...dressedAlike(masquerading, forwarded) } };
}

/** The weight that a backend has for every forwarded source; null when some source has another. */
function weightOver(arrivals: readonly Arrival[], forwarded: PrefixSet): number | null {
  let parts: readonly Weighed[] = [];
  for (const { piece } of arrivals) parts = addWeight(parts, piece);
  const first = parts[0];
  if (first === undefined || parts.some(({ weight }) => Math.abs(weight - first.weight) > 1e-9)) return null;
  const covered = parts.reduce((set, { sources }) => union(set, sources), emptySet);
  return equals(covered, forwarded) ? first.weight : null;
}

interface Weighed {
  readonly sources: PrefixSet;
  readonly weight: number;
}

/** Adds a piece to parts that share no source, cutting those that it covers only in part. */
function addWeight(parts: readonly Weighed[], { sources, weight }: Weighed): readonly Weighed[] {
  const added: Weighed[] = [];
  let rest = sources;
  for (const part of parts) {
    const { inside, outside } = cut(part.sources, rest);
    if (inside !== null) {
      added.push({ sources: inside, weight: part.weight + weight });
      rest = subtract(rest, inside);
    }
    if (outside !== null) added.push({ sources: outside, weight: part.weight });
  }
  if (!isEmpty(rest)) added.push({ sources: rest, weight });
  return added;
}

interface Masquerading {
  readonly masquerade: 'never' | 'always' | 'some';
  readonly marked: PrefixSet;
  /** Null where the backend cannot be a caller of this origin. */
  readonly hairpin: boolean | null;
}

/** Which sources are masqueraded on the way to one backend, its own address judged apart (hairpin). */
function masqueradingOf(
  backend: Backend,
  arrivals: readonly Arrival[],
  forwarded: PrefixSet,
  masquerades: Masquerades,
): Masquerading {
  const own = addressOf(backend);
  const marked = unionOf(arrivals.filter(({ piece }) => masquerades(piece.mark)));
  const bulk = { marked: subtract(marked, own), unmarked: subtract(subtract(forwarded, marked), own) };
  const masquerade = isEmpty(bulk.unmarked)
    ? isEmpty(marked)
      ? 'never'
      : 'always'
    : isEmpty(bulk.marked)
      ? 'never'
      : 'some';
  const byRule = arrivals.every(
    ({ piece, ownMark }) =>
      (ownMark !== null && masquerades(changeMark(piece.mark, ownMark))) || masquerades(piece.mark, backend),
  );
  const calling = intersect(own, forwarded);
  const hairpin = isEmpty(calling) ? null : byRule || isEmpty(subtract(calling, marked));
  return { masquerade, marked: bulk.marked, hairpin };
}

function addressOf(backend: Backend): PrefixSet {
  const address: Address | undefined = parseHostPort(backend)?.address;
  return address === undefined ? emptySet : addressSet([address]);
}

function dressedAlike(all: readonly Masquerading[], forwarded: PrefixSet): Pick<Dress, 'masquerade' | 'hairpin'> {
  const [first] = all;
  const alike = all.every(({ masquerade }) => masquerade !== 'some' && masquerade === first?.masquerade);
  const marked = all.reduce((set, one) => union(set, one.marked), emptySet);
  const masquerade: Masquerade =
    alike && first !== undefined && first.masquerade !== 'some'
      ? first.masquerade
      : { some: toPrefixes(intersect(marked, forwarded)) };
  return { masquerade, hairpin: hairpinOf(all.map(({ hairpin }) => hairpin)) };
}

/** Of the backends that can be callers; nothing is wrong where none can. */
function hairpinOf(hairpins: readonly (boolean | null)[]): Dress['hairpin'] {
  return hairpins.every((one) => one !== false) ? 'all' : hairpins.some((one) => one === true) ? 'some' : 'none';
}

/** The fate of packets that all reach one spread with one mark; null where some backend may not reach itself. */
function spreadFate(
  { route, spreading: { shares }, ownMarks }: Spread,
  mark: number,
  masquerades: Masquerades,
): Fate | null {
  if (masquerades(mark)) return { route, dress: dress(shares, 'always') };
  const reachThemselves = ownMarks.every((ownMark) => ownMark !== null && masquerades(changeMark(mark, ownMark)));
  return reachThemselves ? { route, dress: dress(shares, 'never') } : null;
}

const evenDresses: { readonly [masquerade in 'always' | 'never']: Dress } = {
  always: { shares: 'even', masquerade: 'always', hairpin: 'all' },
  never: { shares: 'even', masquerade: 'never', hairpin: 'all' },
};

/** Even shares are what nearly every frontend has: their few dresses are shared. */
function dress(shares: Dress['shares'], masquerade: 'always' | 'never'): Dress {
  return shares === 'even' ? evenDresses[masquerade] : { shares, masquerade, hairpin: 'all' };
}
