/**
 * The difference of what a node should do and what it does.
 *
 * Equal parts are found by identity first: desired tables share their arrays between frontends of one service port and
 * between nodes, so a node in sync costs little more than a walk over the keys.
 */
import {
  type Dress,
  type Fate,
  type Forwarding,
  type ForwardingTable,
  type Masquerade,
  type Origin,
  origins,
  type Route,
  type Shares,
  type UnknownReason,
} from '../../proto/forwarding.ts';
import type { Difference, Drift } from '../model/drift.ts';

type Forward = Extract<Route, { readonly action: 'forward' }>;

/**
 * Compares two tables. An entry that is `none` for every origin is the same as no entry. Of a frontend of which either
 * side is unknown for some origin nothing else is said.
 * @returns one drift per frontend that differs: the desired ones in the order of `desired`, then the others in the order
 * of `observed`. Empty when both say the same.
 */
export function drift(desired: ForwardingTable, observed: ForwardingTable): readonly Drift[] {
  const drifts: Drift[] = [];
  for (const [key, { frontend, forwarding: wanted }] of desired) {
    const real = observed.get(key)?.forwarding ?? null;
    const reason = unknownReason(wanted) ?? (real === null ? null : unknownReason(real));
    if (reason !== null) {
      drifts.push({ kind: 'unknown', key, frontend, reason });
      continue;
    }
    if (real === wanted) continue;
    if (takesNothing(wanted)) {
      if (real !== null && !takesNothing(real)) drifts.push({ kind: 'stale', key, frontend, real });
    } else if (real === null || takesNothing(real)) {
      drifts.push({ kind: 'missing', key, frontend, wanted });
    } else {
      const differences = differencesOf(wanted, real);
      if (differences.length > 0) drifts.push({ kind: 'different', key, frontend, wanted, real, differences });
    }
  }
  for (const [key, { frontend, forwarding: real }] of observed) {
    if (desired.has(key)) continue;
    const reason = unknownReason(real);
    if (reason !== null) drifts.push({ kind: 'unknown', key, frontend, reason });
    else if (!takesNothing(real)) drifts.push({ kind: 'stale', key, frontend, real });
  }
  return drifts;
}

function unknownReason({ pod, node, outside }: Forwarding): UnknownReason | null {
  if (pod.route.action === 'unknown') return pod.route.reason;
  if (node.route.action === 'unknown') return node.route.reason;
  return outside.route.action === 'unknown' ? outside.route.reason : null;
}

function takesNothing({ pod, node, outside }: Forwarding): boolean {
  return pod.route.action === 'none' && node.route.action === 'none' && outside.route.action === 'none';
}

function differencesOf(wanted: Forwarding, real: Forwarding): readonly Difference[] {
  const differences: Difference[] = [];
  for (const origin of origins) {
    if (wanted[origin] !== real[origin]) compareFates(origin, wanted[origin], real[origin], differences);
  }
  return differences;
}

function compareFates(origin: Origin, wanted: Fate, real: Fate, into: Difference[]): void {
  if (wanted.route.action !== 'forward' || real.route.action !== 'forward') {
    const actions = { wanted: wanted.route.action, real: real.route.action };
    if (actions.wanted !== actions.real) into.push({ aspect: 'action', origin, ...actions });
    return;
  }
  compareRoutes(origin, wanted.route, real.route, into);
  if (wanted.dress !== null && real.dress !== null) compareDresses(origin, wanted.dress, real.dress, into);
}

function compareRoutes(origin: Origin, wanted: Forward, real: Forward, into: Difference[]): void {
  if (!sameList(wanted.backends, real.backends)) {
    const missing = without(wanted.backends, real.backends);
    const stale = without(real.backends, wanted.backends);
    into.push({ aspect: 'backends', origin, missing, stale });
  }
  if (wanted.affinitySeconds !== real.affinitySeconds) {
    into.push({ aspect: 'affinity', origin, wanted: wanted.affinitySeconds, real: real.affinitySeconds });
  }
  if (!sameSources(wanted, real)) {
    into.push({
      aspect: 'sources',
      origin,
      wanted: { sources: wanted.sources, otherwise: wanted.otherwise },
      real: { sources: real.sources, otherwise: real.otherwise },
    });
  }
}

function compareDresses(origin: Origin, wanted: Dress, real: Dress, into: Difference[]): void {
  if (wanted === real) return;
  if (!sameShares(wanted.shares, real.shares)) {
    into.push({ aspect: 'shares', origin, wanted: wanted.shares, real: real.shares });
  }
  if (!sameMasquerade(wanted.masquerade, real.masquerade)) {
    into.push({ aspect: 'masquerade', origin, wanted: wanted.masquerade, real: real.masquerade });
  }
  if (wanted.hairpin !== real.hairpin) {
    into.push({ aspect: 'hairpin', origin, wanted: wanted.hairpin, real: real.hairpin });
  }
}

/** Where every source is forwarded nothing is left for `otherwise` to speak of. */
function sameSources(a: Forward, b: Forward): boolean {
  if (a.sources === 'any' || b.sources === 'any') return a.sources === b.sources;
  return a.otherwise === b.otherwise && sameList(a.sources, b.sources);
}

function sameShares(a: Shares, b: Shares): boolean {
  if (a === b) return true;
  return a !== 'even' && b !== 'even' && a.lost === b.lost && sameList(a.parts, b.parts);
}

function sameMasquerade(a: Masquerade, b: Masquerade): boolean {
  if (a === b) return true;
  return typeof a !== 'string' && typeof b !== 'string' && sameList(a.some, b.some);
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function without<T>(list: readonly T[], others: readonly T[]): readonly T[] {
  const known = new Set(others);
  return list.filter((item) => !known.has(item));
}
