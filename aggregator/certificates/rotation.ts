/**
 * What is due to be done with the certificates that the aggregator makes:
 *
 *     authority  |=============== 2 years ===============|
 *                      next is made, and shown beside it |== |=============== 2 years ...
 *                      a day later everything is signed by it  | the old one is trusted for a week more
 *     leaf       |== 90 days ==|
 *                         |== 90 days ==|     the next when two thirds have passed
 *
 * Agents read what they trust anew for each connection; the kubelet shows them a change after about a minute. So nobody
 * ever meets a certificate whose authority could not have been known for a day.
 */
import type { DatedPair, IssuedState } from './issued-state.ts';

const dayMs = 86_400_000;
export const authorityMs = 730 * dayMs;
export const leafMs = 90 * dayMs;
/** A leaf must not outlive its authority: the next one is made while there is room for another leaf, and then some. */
const nextBeforeMs = 180 * dayMs;
const publishedForMs = dayMs;
const trustedOnMs = 7 * dayMs;

export type Step =
  /** There is nothing that could go on: an authority and a leaf of it. */
  | 'make-all'
  /** A leaf of the authority in use. */
  | 'renew-leaf'
  /** An authority that comes next, to be shown to agents beside the one in use. */
  | 'make-next'
  /** The next authority becomes the one in use, with a leaf of it. */
  | 'switch'
  /** The former authority is not trusted any more. */
  | 'drop-former';

/**
 * The step that is due, one at a time; null = none.
 * @param names those that the leaf must be for.
 */
export function stepDue(state: IssuedState | null, names: readonly string[], now: number): Step | null {
  if (state === null || !isValid(state.authority, now)) return 'make-all';
  const { authority, leaf, next, former } = state;
  const mayFollow = next !== null && isValid(next.authority, now);
  if (mayFollow && isKnown(next.publishedAt, now)) return 'switch';
  const isOld = now >= leaf.notBefore + (leaf.notAfter - leaf.notBefore) * (2 / 3);
  if (isOld || !isValid(leaf, now) || !hasAll(state.names, names)) return 'renew-leaf';
  if (!mayFollow && now >= authority.notAfter - nextBeforeMs) return 'make-next';
  if (former !== null && now >= former.until) return 'drop-former';
  return null;
}

/** What was made while a clock was ahead is valid only when that time comes. */
function isValid({ notBefore, notAfter }: DatedPair, now: number): boolean {
  return notBefore <= now && now < notAfter;
}

function isKnown(publishedAt: number | null, now: number): boolean {
  return publishedAt !== null && now >= publishedAt + publishedForMs;
}

function hasAll(has: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((name) => has.includes(name));
}

/** Until when the authority that goes is trusted on. */
export function trustedUntil(now: number): number {
  return now + trustedOnMs;
}
