/** What the Services that ask for one frontend come to together, for nodes of one standing: now, and in the past. */
import { entryDigest } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { ServiceRecord } from './service-history.ts';
import { presentOf } from './service-history.ts';
import type { ServiceState } from './service-state.ts';
import type { Standing } from './standing.ts';
import type { Claim } from './wishes.ts';
import { joinedClaims } from './wishes.ts';

/** What was desired of one frontend for some time, Unix ms. */
export interface PastEntry {
  /** See entryDigest; null = nobody asked for it. */
  readonly digest: string | null;
  readonly from: number;
  readonly until: number;
}

/** What is desired of a frontend now; null = nobody asks for it. */
export function claimNow(claimants: readonly ServiceRecord[], key: FrontendKey, standing: Standing): Claim | null {
  return joined(
    claimants.flatMap((record) => presentOf(record) ?? []),
    key,
    standing,
  );
}

/**
 * What was desired of a frontend before, newest first; the present is not among it. It is worked out while it is read:
 * a node that lags shows one of the newest.
 */
export function* pastOf(
  claimants: readonly ServiceRecord[],
  key: FrontendKey,
  standing: Standing,
): Generator<PastEntry, void> {
  let later: Stretch | null = null;
  for (const { from, digest } of digestsBack(claimants, key, standing)) {
    if (later !== null && later.digest === digest) {
      later = { digest, from, until: later.until };
      continue;
    }
    if (later !== null && later.until !== null) yield { digest: later.digest, from: later.from, until: later.until };
    later = { digest, from, until: later?.from ?? null };
  }
  if (later !== null && later.until !== null) yield { digest: later.digest, from: later.from, until: later.until };
}

/** What was desired from each moment on at which a claimant changed, the present first; the same may follow itself. */
function* digestsBack(
  claimants: readonly ServiceRecord[],
  key: FrontendKey,
  standing: Standing,
): Generator<Pick<Stretch, 'digest' | 'from'>, void> {
  if (claimants.length === 0) return;
  let moment: Moment | null = newestMoment(claimants);
  let digest = digestOf(moment.states, key, standing);
  while (moment !== null) {
    yield { digest, from: moment.from };
    moment = momentBefore(moment, claimants, standing);
    if (moment !== null && !moment.isSameAsLater) digest = digestOf(moment.states, key, standing);
  }
}

/** A time from which on the states of all claimants were these. */
interface Moment {
  readonly from: number;
  /** The index of each claimant's span. */
  readonly at: readonly number[];
  readonly states: readonly ServiceState[];
  /** Nothing that this standing notices changed between this moment and the one after. */
  readonly isSameAsLater: boolean;
}

function newestMoment(claimants: readonly ServiceRecord[]): Moment {
  const at = claimants.map(({ spans }) => spans.length - 1);
  return momentAt(at, claimants, false);
}

/** Null where one of the claimants is not known further back. */
function momentBefore({ from, at }: Moment, claimants: readonly ServiceRecord[], standing: Standing): Moment | null {
  let isSame = true;
  let isKnown = true;
  const earlier = claimants.map(({ spans }, index) => {
    const now = at[index] ?? 0;
    if (spans[now]?.from !== from) return now;
    const newer = spans[now]?.state ?? null;
    const older = spans[now - 1]?.state ?? null;
    isKnown &&= now > 0;
    isSame &&= newer !== null && older !== null && newer.isSameAs(older, standing);
    return now - 1;
  });
  return isKnown ? momentAt(earlier, claimants, isSame) : null;
}

function momentAt(at: readonly number[], claimants: readonly ServiceRecord[], isSameAsLater: boolean): Moment {
  const spans = claimants.flatMap((claimant, index) => claimant.spans[at[index] ?? 0] ?? []);
  const from = Math.max(...spans.map((span) => span.from));
  return { from, at, states: spans.flatMap(({ state }) => state ?? []), isSameAsLater };
}

/** Time in which the same was desired; without an end while it is the present. */
interface Stretch {
  readonly digest: string | null;
  readonly from: number;
  readonly until: number | null;
}

function digestOf(states: readonly ServiceState[], key: FrontendKey, standing: Standing): string | null {
  const asking = states.filter((state) => indicesOf(state, key).length > 0);
  const [only, ...others] = asking;
  const [index, ...more] = only === undefined ? [] : indicesOf(only, key);
  if (only !== undefined && index !== undefined && others.length + more.length === 0) {
    return only.digestsFor(standing)[index] ?? null;
  }
  const claim = joined(asking, key, standing);
  return claim === null ? null : entryDigest(key, claim.entry.forwarding);
}

function joined(states: readonly ServiceState[], key: FrontendKey, standing: Standing): Claim | null {
  let claim: Claim | null = null;
  for (const state of states) {
    for (const index of indicesOf(state, key)) {
      const entry = state.entriesFor(standing)[index] ?? null;
      const owner = state.asked[index]?.owner;
      if (entry === null || owner === undefined) continue;
      claim = claim === null ? { entry, owner } : joinedClaims(claim, { entry, owner });
    }
  }
  return claim;
}

/** One, unless ports of one Service share a number. */
function indicesOf({ asked }: ServiceState, key: FrontendKey): readonly number[] {
  const indices: number[] = [];
  for (let index = 0; index < asked.length; index++) if (asked[index]?.key === key) indices.push(index);
  return indices;
}
